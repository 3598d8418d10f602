weigh snapshot testdata/safetensors/good/sharded -o sharded.weigh.zst
weigh sharded.weigh.zst --on 24GiB --quiet
weigh snapshot testdata/gguf/good/moe-merged.gguf --output moe.weigh.zst --quiet
weigh metadata moe.weigh.zst --format csv | head -n 3
ls
