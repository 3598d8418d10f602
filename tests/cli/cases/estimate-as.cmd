weigh estimate testdata/snapshots/Mixtral-8x7B-v0.1.weigh.zst --as Q4_K_M --on rtx-4090
weigh estimate testdata/snapshots/Llama-2-13B-f16.weigh.zst --as all --on rtx-4090 --on macbook-air-8gb
weigh estimate testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst --as q4_0 --json
