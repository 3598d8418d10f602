# The report of `weigh fit`: parts, placement, command, advice, and not that of `weigh inspect`.
weigh fit testdata/snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst testdata/other/page.gguf --on rtx-4090 --on macbook-air-8gb --format markdown
