COLUMNS=60 weigh audit --color always testdata/audit/config-layers/fires testdata/audit/auto-map/fires testdata/safetensors/good/sharded
