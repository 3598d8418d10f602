# "-" is a header on standard input: figures of the whole model, and no more is read than the header.
model=testdata/gguf/good/moe-merged.gguf
echo "== a header alone"
head -c 2000 $model | weigh - --json | python3 -c '
import json, sys
m = json.load(sys.stdin)["models"][0]
print(m["path"], m["name"], m["weights"]["bytes"], m["files"][0], [f["message"] for f in m["findings"]])'
echo "== the same as the file"
weigh diff - $model < $model | head -n 1
echo "== safetensors and a snapshot"
weigh - < testdata/safetensors/good/every-dtype.safetensors | head -n 1
weigh - < testdata/snapshots/Llama-2-7B.Q4_0.weigh.zst | head -n 1
echo "== the rest is left: an endless stream ends"
{ cat $model; yes; } | weigh tensors - | wc -l
echo "== audit, fit, snapshot, estimate"
weigh audit - < $model
weigh fit - --on rtx-4090 --json < $model | grep '"verdict"'
weigh snapshot - -o s.weigh.zst < $model
weigh estimate - --as Q8_0 --json < $model | grep '"predicted"'
echo "== what is wrong"
weigh - < /dev/null
head -c 500 $model | weigh -
echo "not a model, whatever it may be" | weigh tensors -
weigh - - < $model -q 2>&1 | grep -c could
