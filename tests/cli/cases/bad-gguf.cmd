for path in testdata/gguf/bad/*; do
  weigh "$path" 2>&1 >/dev/null
done
weigh testdata/gguf/bad/* >/dev/null 2>&1
