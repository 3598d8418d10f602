weigh diff --json testdata/gguf/good/moe-merged.gguf testdata/gguf/good/moe-per-expert.gguf
