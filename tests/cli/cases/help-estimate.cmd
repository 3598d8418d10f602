weigh estimate --help
