# Flags of other commands and of later versions are refused, not ignored.
for flag in "--together" "--db scan.db" "--fail-on never" "--nonsense"; do
  weigh testdata/gguf/good/v3.gguf $flag
  echo "exit $?"
done
