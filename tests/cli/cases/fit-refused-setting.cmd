# What llama.cpp does not start with: the verdict is no, in the engine's words, and the memory is stated.
model=testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst
weigh fit $model --on rtx-4090 --kv-type q8_0 --flash-attention off
weigh fit $model --on rtx-4090 --kv-type q8_0 --flash-attention off --require fits -q >/dev/null
echo "exit $?"
weigh fit $model --on rtx-4090 --kv-type q8_0,f16 --flash-attention off --format csv | cut -d, -f 28-32
weigh fit $model --on rtx-4090 --n-cpu-ffn 8 --batch 256
