# Each is named for what it is, by one sentence, and none is a report.
for path in testdata/other/* testdata/safetensors/bad/no-model does-not-exist.gguf; do
  weigh "$path"
  test $? -eq 1 || echo "exit $?"
done
