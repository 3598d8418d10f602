weigh --help devices | head -n 1
