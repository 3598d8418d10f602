weigh audit testdata/safetensors/good/sharded testdata/gguf/good/v3.gguf
