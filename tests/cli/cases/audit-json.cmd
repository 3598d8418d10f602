weigh audit --json testdata/audit/template-escape/fires-gguf/model.gguf
