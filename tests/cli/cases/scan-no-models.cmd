# What goes with a model is named, counted apart, and held against no device.
mkdir m
for name in moe-merged mmproj-small imatrix control-vector lora-adapter vocabulary-only; do cp testdata/gguf/good/$name.gguf m; done
weigh scan m --on rtx-4090
weigh scan m --json | python3 -c 'import json, sys; totals = json.load(sys.stdin)["totals"]; print(totals["models"], totals["others"])'
weigh m/mmproj-small.gguf
