# A model's own blocks of multi-token prediction draft for it: loaded with it, a cache and a compute buffer beside it.
model=testdata/snapshots/families/DeepSeek-V3.BF16.weigh.zst
weigh fit $model --on 2TiB --context 8192 --draft mtp
weigh fit $model --on 2TiB --context 8192 --draft mtp --draft-kv-type f32,bf16 -q
weigh $model --on 2TiB --context 8192 --draft mtp --draft-kv-type f32,bf16 --json | grep -A 4 '"role": "mtp"'
weigh explain compute $model --on 2TiB --context 8192 --draft mtp
weigh fit $model --on 2TiB --context 8192 --draft mtp --draft-kv-type q8_0 -q
for flags in "--draft mtp" "--draft-kv-type q8_0" "--draft mtp --draft-kv-type q9"; do
  weigh fit testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst --on 24GiB $flags
  echo "exit $?"
done
weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --on 24GiB --draft mtp
echo "exit $?"
