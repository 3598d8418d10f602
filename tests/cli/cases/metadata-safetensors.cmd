weigh metadata testdata/safetensors/good/sharded
weigh metadata testdata/safetensors/good/sharded --json
weigh metadata testdata/safetensors/good/sharded --format csv
