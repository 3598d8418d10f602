weigh testdata/snapshots/Llama-2-13B-f16.weigh.zst
