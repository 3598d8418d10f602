weigh testdata/gguf/good/split-00002-of-00003.gguf --format csv
