weigh testdata/safetensors/good/sharded --json
