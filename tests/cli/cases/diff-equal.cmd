weigh diff testdata/safetensors/good/sharded testdata/safetensors/good/sharded-no-index
weigh snapshot --quiet testdata/gguf/good/v3.gguf -o copy.weigh.zst && weigh diff testdata/gguf/good/v3.gguf copy.weigh.zst
