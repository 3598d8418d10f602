weigh fit --help
