cp testdata/gguf/good/v3.gguf model.gguf
ln -s report.csv link.csv
echo old >report.csv
weigh model.gguf --output link.csv
echo "exit $?"
cat report.csv
weigh model.gguf --force --output link.csv
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
# The ending says the format, unless an option does.
for file in report.json report.md report.jsonl report.txt; do weigh model.gguf -o $file; head -c 3 $file; echo "  $file"; done
weigh model.gguf --format csv -o other.json && head -c 5 other.json && echo
weigh audit model.gguf -o audit.sarif && grep -c sarif-2.1.0 audit.sarif
weigh tensors model.gguf --force -o report.json && grep -c weigh.tensors report.json
weigh model.gguf --format csv -o - | cut -d, -f2
weigh snapshot model.gguf -o - | weigh snapshot model.gguf -o s.weigh.zst -q && weigh snapshot model.gguf -o - | cmp - s.weigh.zst
weigh snapshot model.gguf -o s.weigh.zst
echo "exit $?"
weigh model.gguf --force -o model.gguf
echo "exit $?"
