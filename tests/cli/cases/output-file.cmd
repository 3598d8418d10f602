cp testdata/gguf/good/v3.gguf model.gguf
ln -s report.csv link.csv
echo old >report.csv
weigh model.gguf --format csv --output link.csv
cut -d, -f1-3 report.csv
weigh model.gguf --output model.gguf
echo "exit $?"
weigh model.gguf --output no-such-folder/report.txt
echo "exit $?"
weigh model.gguf --json -o /dev/full
echo "exit $?"
weigh model.gguf --json >/dev/full
echo "exit $?"
cmp model.gguf testdata/gguf/good/v3.gguf
ls -F
