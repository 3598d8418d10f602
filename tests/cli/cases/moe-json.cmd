weigh testdata/snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst --json
