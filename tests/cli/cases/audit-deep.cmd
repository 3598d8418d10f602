weigh audit --deep testdata/safetensors/good/sharded testdata/snapshots/Llama-2-7B-f16.weigh.zst testdata/gguf/good/fork-ik-llama.gguf
