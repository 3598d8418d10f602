weigh testdata/snapshots/Mixtral-8x7B-v0.1-2023.Q4_K_M.weigh.zst --on rtx-4090 --on m2-ultra-192gb --on "2x rtx-3090"
