# Flags of other commands and of later versions are refused, not ignored.
for flag in "--gpu-layers 4" "--n-cpu-moe 4" "--together" "--db scan.db" "--nonsense"; do
  weigh testdata/gguf/good/v3.gguf $flag
  echo "exit $?"
done
