# What an engine printed beside what weigh says: a recorded log, servers, other programs, vLLM, and logs that are none.
models=testdata/snapshots
mixtral=$models/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst
for log in recorded server-gpu two-gpus old-cli; do
  COLUMNS=80 weigh verify-log testdata/logs/$log.log $models
done
weigh verify-log - $mixtral --quiet < testdata/logs/fit-params.log
weigh verify-log testdata/logs/breakdown.log $mixtral -v
weigh verify-log testdata/logs/broken.log $models
weigh verify-log testdata/logs/vllm-error.log $models
for log in vllm vllm-old vllm-error; do
  weigh verify-log testdata/logs/$log.log $models --on rtx-3090
done
weigh verify-log testdata/logs/server-gpu.log $mixtral --json | head -n 40
cut -c 1-30 testdata/logs/server-gpu.log > cut.log
head -n 18 testdata/logs/server-gpu.log > early.log
: > empty.log
printf 'hello\n' > other.log
gzip -nc testdata/logs/recorded.log > packed.log
for wrong in "testdata/logs/server-gpu.log" "testdata/logs/server-gpu.log testdata/snapshots/Llama-2-13B.Q8_0.weigh.zst" \
  "testdata/logs/server-gpu.log testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst" \
  "testdata/logs/recorded.log testdata/gguf/good" "testdata/logs/breakdown.log" "empty.log" "other.log" "cut.log" "early.log" "packed.log" \
  "testdata/gguf/good/v3.gguf" "no-such.log" "testdata" "testdata/logs/recorded.log no-such.gguf" \
  "testdata/logs/recorded.log $mixtral --format csv" "testdata/logs/server-gpu.log $models --parallel 0"; do
  weigh verify-log $wrong
  echo "exit $?"
done
