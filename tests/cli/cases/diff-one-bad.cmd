weigh diff --json testdata/gguf/good/v3.gguf testdata/other/page.gguf
