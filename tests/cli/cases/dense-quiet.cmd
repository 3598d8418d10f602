weigh testdata/snapshots/Llama-2-7B.Q4_0.weigh.zst --on rtx-4060-laptop --quiet
