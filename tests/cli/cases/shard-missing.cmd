weigh testdata/safetensors/bad/shard-missing --on rtx-4090
