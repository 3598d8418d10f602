# Experts in host memory make a mixture run; with a host of known size the verdict says whether it holds them.
weigh fit testdata/snapshots/Mixtral-8x7B-v0.1.weigh.zst --engine llama.cpp --as Q4_K_M --on rtx-4090
weigh fit testdata/snapshots/Mixtral-8x7B-v0.1.weigh.zst --engine llama.cpp --as Q4_K_M --on rtx-4090 --on raspberry-pi-5-4gb --together
weigh fit testdata/snapshots/Mixtral-8x7B-v0.1.weigh.zst --as Q4_K_M --on rtx-4090 --n-cpu-moe 9 --quiet
