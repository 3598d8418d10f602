weigh --version
weigh inspect --version
