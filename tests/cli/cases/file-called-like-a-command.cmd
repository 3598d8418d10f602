cp testdata/gguf/good/v3.gguf devices
cp testdata/gguf/good/v3.gguf -- -q.gguf
weigh ./devices --format csv | cut -d, -f1-3
weigh --format csv -- devices | cut -d, -f1-3
weigh --format csv -- -q.gguf | cut -d, -f1-3
