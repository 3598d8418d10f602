weigh audit --quiet testdata/safetensors/good/sharded testdata/audit/layer-shape/fires testdata/audit/pickle-beside/fires
