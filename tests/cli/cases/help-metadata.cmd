weigh metadata --help
