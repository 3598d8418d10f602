# On one device, on memory that host and device share, and where it is too much.
weigh fit testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst --on rtx-4090 --on macbook-air-8gb --on rtx-4060
