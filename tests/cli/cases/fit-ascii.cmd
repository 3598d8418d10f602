export LC_ALL=C
weigh fit testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst --on rtx-4060 --kv-type q8_0
