# A gate: 3 when a verdict is worse than required, over all files and devices; what cannot be read is worse.
model=testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst
for arguments in "$model --on rtx-4090" "$model --on rtx-4090 --on macbook-air-8gb" "$model --on rtx-4090 --context 16384 --kv-type f32"; do
  for require in fits tight; do
    weigh fit $arguments --require $require --quiet
    echo "exit $?"
  done
done
weigh $model --on macbook-air-8gb --require tight --quiet
echo "exit $?"
weigh fit $model testdata/no-such.gguf --on macbook-air-8gb --require fits --quiet
echo "exit $?"
