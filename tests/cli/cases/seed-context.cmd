# 7 B in 4 bits with 4096 tokens on an 8 GB MacBook Air: 32 KV heads are too many, 8 are not.
weigh fit testdata/snapshots/Llama-2-7B.Q4_0.weigh.zst --on macbook-air-8gb --quiet
weigh fit testdata/snapshots/Llama-2-7B.Q4_0.weigh.zst --on macbook-air-8gb --context 2048 --quiet
