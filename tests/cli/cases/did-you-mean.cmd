# A word that is nearly right is named; what an option is not comes before what is missing.
try() {
  "$@" 2>&1
  echo "exit $?"
}
try weigh scna
try weigh help fti
try weigh fit --contxt 4096
try weigh fit --verb
try weigh tensors --formta json
try weigh fit x.gguf --as Q4KM
try weigh estimate x.gguf --as Q4_KM
try weigh fit x.gguf --kv-type q8-0
try weigh fit x.gguf --engine vlm
try weigh x.gguf --format jsno
try weigh x.gguf --on rtx-4O90
# Nothing near it, nothing offered; and what exists is no typing error.
try weigh fit --zzz
cp testdata/gguf/good/v3.gguf scam
weigh scam --quiet
