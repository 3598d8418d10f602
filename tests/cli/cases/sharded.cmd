weigh testdata/safetensors/good/sharded --on 24GiB
