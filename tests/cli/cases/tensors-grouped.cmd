weigh tensors testdata/snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst --group role
weigh tensors testdata/safetensors/good/sharded --group layer
weigh tensors testdata/gguf/good/moe-per-expert.gguf --group module
weigh tensors testdata/gguf/good/moe-per-expert.gguf --group role --json
weigh tensors testdata/gguf/good/v3.gguf --group file
