weigh --format csv devices m2-ultra-192gb
weigh --on rtx-4090 --format csv inspect testdata/gguf/good/v3.gguf | cut -d, -f2,20
