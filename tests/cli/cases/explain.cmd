# One figure as the sum it is: the same number as in `weigh fit --json`, its steps add up to it.
model=testdata/snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst
for term in weights kv state compute overhead budget active; do
  weigh explain $term $model --on rtx-4090 --context 32k -ctk q8_0
done
weigh explain kv $model --context 32k --on rtx-4090 --json
weigh fit $model --context 32k --on rtx-4090 --json | grep '"kv_cache"' | head -n 1
weigh explain weights testdata/snapshots/Llama-2-7B-f16.weigh.zst --on "2x h100-sxm" --engine vllm -v
weigh explain active testdata/gguf/good/lora-adapter.gguf
weigh explain kv testdata/gguf/good/v3.gguf
for wrong in "kvs $model" "kv testdata/gguf/good/lora-adapter.gguf" "kv $model --on rtx-4090 --on rtx-3060" "kv no-such.gguf"; do
  weigh explain $wrong
  echo "exit $?"
done
