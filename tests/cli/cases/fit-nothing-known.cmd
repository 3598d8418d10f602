# No word on layers and heads: the weights are weighed, and what is not known is said.
weigh fit testdata/gguf/good/v3.gguf testdata/gguf/good/lora-adapter.gguf --on rtx-4090 --on "2x rtx-4090"
