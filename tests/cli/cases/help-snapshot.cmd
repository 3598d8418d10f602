weigh snapshot --help
