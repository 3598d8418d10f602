weigh diff testdata/snapshots/Llama-2-7B.Q4_0.weigh.zst testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst
