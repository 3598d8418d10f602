model=testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst
for flags in "--on 24GiB --context 0" "--on 24GiB --context 4kk" "--on 24GiB --kv-type q9" "--on 24GiB --kv-type f16,q9" \
  "--on 24GiB --batch 0" "--on 24GiB --flash-attention auto" "--on 24GiB --engine ollama" \
  "--on 24GiB --engine vllm" "--on 24GiB --as Q9" "--on 24GiB --as Q4_K_M --engine vllm" "--on 24GiB --parallel 0" \
  "--on 24GiB --ubatch 0" "--on 24GiB --require good" \
  "--on raspberry-pi-5-4gb --on raspberry-pi-5-8gb --together"; do
  weigh fit $model $flags
  echo "exit $?"
done
weigh $model --require fits
echo "exit $?"
weigh fit $model --on 24GiB --kv-type fp8
echo "exit $?"
weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --on 24GiB --kv-type q8_0
echo "exit $?"
weigh fit $model --on 24GiB --gpu-memory-utilization 0.5
echo "exit $?"
weigh fit $model --on 24GiB --generate 100
echo "exit $?"
for prompt in "--prompt 0" "--generate 8000" "--prompt 100 --generate 100 --context 150"; do
  weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --on 24GiB $prompt
  echo "exit $?"
done
