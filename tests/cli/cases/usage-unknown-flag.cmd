# Flags of later versions are refused, not ignored.
for flag in "--context 4096" "--kv-type q8_0" "--require fits" "--parallel 2" "--nonsense"; do
  weigh testdata/gguf/good/v3.gguf $flag
  echo "exit $?"
done
