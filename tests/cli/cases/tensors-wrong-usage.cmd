weigh tensors testdata/gguf/good/v3.gguf --filter '('
echo "exit $?"
weigh tensors testdata/gguf/good/v3.gguf --sort size
