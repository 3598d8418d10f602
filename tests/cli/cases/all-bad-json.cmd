weigh testdata/other/page.gguf testdata/other/magic-GGUX.gguf --json
