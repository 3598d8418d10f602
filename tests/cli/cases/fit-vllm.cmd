weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --engine vllm --on "2x rtx-4060" --on "2x rtx-3090" --context max --kv-type fp8
weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --engine vllm --on rtx-3090
weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --engine vllm --on rtx-4060 --max-num-seqs 8 --verbose
weigh fit testdata/snapshots/Mixtral-8x7B-v0.1.weigh.zst --engine vllm --on "2x h100-sxm" --max-model-len 32k --parallel 8 --engine-version 0.20 --enforce-eager
weigh fit testdata/snapshots/Llama-2-13B-f16.weigh.zst --engine vllm --on l40s --context 4096 --kv-cache-memory-bytes 2GiB
weigh fit testdata/snapshots/Llama-2-13B-f16.weigh.zst --engine vllm --on l40s --tensor-parallel-size 2
weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --engine sglang --on rtx-3090
weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --engine vllm --on rtx-3090 --json | python3 -c "import json, sys; print(json.dumps(json.load(sys.stdin)['models'][0]['fit'][0]['serving'], indent=1))"
weigh explain kv testdata/snapshots/Llama-2-7B-f16.weigh.zst --engine vllm --on rtx-3090
weigh explain compute testdata/snapshots/Llama-2-7B-f16.weigh.zst --engine vllm --on rtx-3090
