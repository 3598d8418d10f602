weigh metadata testdata/gguf/good/value-types.gguf --json
