weigh tensors testdata/snapshots/Llama-2-7B.Q4_0.weigh.zst --filter '^blk\.(0|31)\.ffn' --sort bytes --verbose
weigh tensors testdata/safetensors/good/sharded --sort offset --format csv
weigh tensors testdata/safetensors/good/sharded --sort name --filter mlp --json
weigh tensors testdata/safetensors/good/sharded --filter mlp --format markdown
