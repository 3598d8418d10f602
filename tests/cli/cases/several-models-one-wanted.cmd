weigh tensors testdata/safetensors/good/adapter-beside
