weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --engine vllm --on "2x rtx-4060" --on "2x rtx-3090" --context max --kv-type fp8
