weigh testdata/safetensors/good/adapter-beside --quiet
