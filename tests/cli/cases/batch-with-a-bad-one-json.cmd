weigh testdata/other/page.gguf testdata/gguf/good/nothing.gguf --json
