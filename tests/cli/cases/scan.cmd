mkdir -p m/set
cp testdata/gguf/good/v3.gguf m/a.gguf
cp testdata/gguf/good/v3.gguf m/b.gguf
cp testdata/gguf/good/v2.gguf m/c.gguf
cp testdata/safetensors/good/sharded/* m/set
cp testdata/other/lfs-pointer.gguf m/bad.gguf
ln -s . m/loop
weigh scan m --on rtx-4090 --sort -params
echo "exit $?"
weigh scan m --filter format=gguf --format csv
weigh scan m --filter format=safetensors --format markdown
rm m/bad.gguf
weigh scan m --deep --quiet
weigh scan m --db models.sqlite --quiet
rm m/b.gguf
weigh scan m --db models.sqlite --quiet
weigh scan --db models.sqlite --sort name --filter format=safetensors
