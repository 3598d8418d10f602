# Unlike devices share whole layers by what each of them may hold.
weigh fit testdata/snapshots/Llama-2-13B-f16.weigh.zst --engine llama.cpp --on rtx-4090 --on rtx-3060 --together
