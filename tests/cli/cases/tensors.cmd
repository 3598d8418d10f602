weigh tensors testdata/gguf/good/moe-per-expert.gguf
