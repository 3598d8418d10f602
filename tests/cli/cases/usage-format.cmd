weigh testdata/gguf/good/v3.gguf --format html
echo "exit $?"
weigh testdata/gguf/good/v3.gguf --json --format csv
echo "exit $?"
weigh testdata/gguf/good/v3.gguf --color sometimes
