weigh inspect --help
