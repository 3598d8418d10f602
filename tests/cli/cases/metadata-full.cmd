weigh metadata testdata/gguf/good/nested-arrays.gguf
weigh metadata testdata/gguf/good/nested-arrays.gguf --full
