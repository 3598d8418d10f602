weigh estimate testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst
weigh estimate --as Q4_K_M
weigh estimate testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst --as Q4_K_M --params 7B
weigh estimate testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst --as Q9_9
weigh estimate testdata/other/page.gguf --as Q4_K_M
