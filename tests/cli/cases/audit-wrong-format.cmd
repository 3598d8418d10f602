weigh audit --format csv testdata/gguf/good/v3.gguf
