weigh tensors testdata/other/magic-GGUX.gguf --json
echo "exit $?"
weigh metadata testdata/other/magic-GGUX.gguf --json
