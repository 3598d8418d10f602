weigh tensors --help
