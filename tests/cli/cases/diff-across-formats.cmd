weigh diff testdata/snapshots/Llama-2-7B-f16.weigh.zst testdata/snapshots/Llama-2-7B.F16.weigh.zst
