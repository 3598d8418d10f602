weigh testdata/gguf/good/v3.gguf testdata/other/page.gguf testdata/gguf/good/v2.gguf --format csv
