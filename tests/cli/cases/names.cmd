# A model by the name that a store has for it; a path that exists wins; an error names what is near.
commit=0123456789abcdef0123456789abcdef01234567
hub=$HOME/.cache/huggingface/hub/models--openai--gpt-oss-20b
mkdir -p "$hub/snapshots/$commit" "$hub/refs"
printf $commit > "$hub/refs/main"
cp testdata/safetensors/good/sharded/* "$hub/snapshots/$commit"
ollama=$HOME/.ollama/models
mkdir -p "$ollama/blobs" "$ollama/manifests/registry.ollama.ai/library/llama3"
add() { sha=$(sha256sum "$1" | cut -d' ' -f1); cp "$1" "$ollama/blobs/sha256-$sha"; }
layer() { sha=$(sha256sum "$2" | cut -d' ' -f1); echo '{"mediaType": "application/vnd.ollama.image.'$1'", "digest": "sha256:'$sha'"}'; }
text=testdata/gguf/good/moe-merged.gguf; projector=testdata/gguf/good/mmproj-small.gguf
add $text; add $projector
echo '{"layers": ['$(layer projector $projector), $(layer model $text)']}' > "$ollama/manifests/registry.ollama.ai/library/llama3/8b"
mkdir -p "$HOME/.lmstudio/models/org/Small-GGUF"
cp testdata/gguf/good/moe-per-expert.gguf "$HOME/.lmstudio/models/org/Small-GGUF/Small-Q4_0.gguf"
shown() { sed "s|$HOME|HOME|g"; }
models='import json, sys
for m in json.load(sys.stdin)["models"]: print(m["name"], m["path"])'
for name in openai/gpt-oss-20b openai/gpt-oss-20b@main openai/gpt-oss-20b@01234 models--openai--gpt-oss-20b ollama:llama3:8b \
  lmstudio:org/Small-GGUF lmstudio:org/Small-GGUF/Small-Q4_0.gguf; do
  echo "== $name"
  weigh "$name" --json | python3 -c "$models" | shown
done
echo "== every command takes a name"
weigh fit ollama:llama3:8b --on rtx-4090 --json | grep '"verdict"'
weigh audit openai/gpt-oss-20b ollama:llama3:8b --json | python3 -c 'import json, sys; print([a["path"].rsplit("/", 1)[-1][:9] for a in json.load(sys.stdin)["audits"]])'
weigh tensors ollama:llama3:8b | head -n 1
weigh metadata lmstudio:org/Small-GGUF --json | head -n 3 | shown
weigh diff lmstudio:org/Small-GGUF ollama:llama3:8b | tail -n 2 | shown
weigh estimate lmstudio:org/Small-GGUF --as Q8_0 --json | grep '"name": "Small'
weigh snapshot openai/gpt-oss-20b -o s.weigh.zst | shown
weigh scan openai/gpt-oss-20b --format csv | cut -d, -f1
echo "== one model by its name and by its path"
weigh openai/gpt-oss-20b "$hub/snapshots/$commit" -q --format csv | wc -l
echo "== a path that exists wins"
mkdir -p openai/gpt-oss-20b && cp testdata/gguf/good/v3.gguf openai/gpt-oss-20b
weigh openai/gpt-oss-20b --json | python3 -c "$models"
echo "== what is near"
for name in openai/gpt-oss-120b openai/gpt-oss-20b@v2 openai/gpt-oss-20c@main ollama:llama3 ollama:llama3:70b ollama:../../x lmstudio:org/Other llama3:8b nothing-like-it x.gguf; do
  HF_HUB_CACHE=$HOME/.cache/huggingface/hub weigh tensors "$name" 2>&1
done
