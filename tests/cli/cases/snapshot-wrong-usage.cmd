cp testdata/gguf/good/v3.gguf model.gguf
cp model.gguf other.gguf
weigh snapshot model.gguf
echo "exit $?"
weigh snapshot model.gguf -o model.gguf
echo "exit $?"
weigh snapshot model.gguf -o other.gguf
echo "exit $?"
weigh snapshot does-not-exist.gguf -o new.weigh.zst
echo "exit $?"
weigh snapshot model.gguf -o no-such-folder/new.weigh.zst
echo "exit $?"
cmp model.gguf testdata/gguf/good/v3.gguf
ls
