model=testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst
projector=testdata/gguf/good/mmproj-small.gguf
for flags in "--draft missing.gguf" "--draft $projector" "--mmproj $model" "--no-mmproj-offload"; do
  weigh fit $model --on 24GiB $flags
  echo "exit $?"
done
weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --on 24GiB --mmproj $projector
echo "exit $?"
weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --on 24GiB --draft $model
echo "exit $?"
