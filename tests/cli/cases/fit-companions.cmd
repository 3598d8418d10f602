weigh fit testdata/snapshots/Llama-2-13B.Q8_0.weigh.zst --on rtx-4090 --draft testdata/snapshots/Llama-2-7B.Q4_0.weigh.zst \
  --mmproj testdata/gguf/good/mmproj-small.gguf
weigh fit testdata/snapshots/Llama-2-13B-f16.weigh.zst --engine vllm --draft testdata/snapshots/Llama-2-7B-f16.weigh.zst \
  --on "2x h100-sxm" --quiet
weigh testdata/snapshots/Llama-2-13B.Q8_0.weigh.zst --draft testdata/snapshots/Llama-2-7B.Q4_0.weigh.zst --on rtx-4090 --json |
  grep -A 16 '"companions"'
