weigh fit testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst --on rtx-4060 --context 8192 --kv-type q8_0,f16 --parallel 2 --json
