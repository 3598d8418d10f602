# llama.cpp's own names and numbers as people write them give the run that weigh's names give.
model=testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst
same() {
  weigh $model --on rtx-4090 --format csv $1 > a.csv && weigh $model --on rtx-4090 --format csv $2 > b.csv && cmp a.csv b.csv && echo "$1 = $2"
  weigh fit $model --on rtx-4090 --json $1 > a.json && weigh fit $model --on rtx-4090 --json $2 > b.json && cmp a.json b.json
}
same "-c 2k" "--context 2048"
same "--ctx-size 1K" "--context=1024"
same "-ngl 20" "--gpu-layers 20"
same "--n-gpu-layers=20" "--gpu-layers 20"
same "-np 2 -c 4096" "--parallel 2 --context 4096"
same "-b 256" "--batch 256"
same "--batch-size 256" "--batch 256"
same "-ub 256" "--ubatch 256"
same "--ubatch-size 256" "--ubatch 256"
same "-ctk q8_0" "--kv-type q8_0,f16"
same "-ctv q8_0" "--kv-type f16,q8_0"
same "-ctk q8_0 --cache-type-v q4_0" "--kv-type q8_0,q4_0"
same "-md $model -ctkd q8_0 --cache-type-v-draft q4_0" "--draft $model --draft-kv-type q8_0,q4_0"
weigh $model --on rtx-4090 --context 1M -q | tail -n 1
weigh fit $model -ctk q8_0 --kv-type f16
echo "exit $?"
weigh fit $model --draft $model -ctvd q8_0 --draft-kv-type f16
echo "exit $?"
weigh fit $model -ctk q9
echo "exit $?"
weigh tensors $model -ngl 3
echo "exit $?"
