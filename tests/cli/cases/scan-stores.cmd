# Without a folder the stores of this machine, a heading and a sum for each; names that stand twice, reasons, copies.
mkdir home; HOME=home
echo "== no store"
weigh scan
hub=$HOME/.cache/huggingface/hub
for commit in 1 2; do mkdir -p "$hub/models--org--two-commits/snapshots/$commit$commit$commit$commit"; cp testdata/gguf/good/v3.gguf "$hub/models--org--two-commits/snapshots/$commit$commit$commit$commit"; done
mkdir -p "$hub/models--org--broken/snapshots/abcd"
cp testdata/gguf/good/split-00001-of-00003.gguf testdata/gguf/good/split-00003-of-00003.gguf "$hub/models--org--broken/snapshots/abcd"
ollama=$HOME/.ollama/models
mkdir -p "$ollama/blobs" "$ollama/manifests/registry.ollama.ai/library/llama3"
sha=$(sha256sum testdata/gguf/good/moe-merged.gguf | cut -d' ' -f1); cp testdata/gguf/good/moe-merged.gguf "$ollama/blobs/sha256-$sha"
echo '{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:'$sha'"}]}' > "$ollama/manifests/registry.ollama.ai/library/llama3/8b"
for i in 1 2 3 4 5 6 7; do mkdir -p "$HOME/.lmstudio/models/org/v$i"; cp testdata/gguf/good/v3.gguf "$HOME/.lmstudio/models/org/v$i/$i.gguf"; done
touch -d "2020-01-02" "$HOME/.lmstudio/models/org/v3/3.gguf"
echo "== all stores"
weigh scan --on rtx-4090
echo "== sorted: one list"
weigh scan --sort size --filter "files = 1" --filter "size > 1 KiB" --filter "store=lmstudio" -v
weigh scan --sort verdict --on rtx-4090 --filter "rtx-4090 = fits" --filter "architecture = llama" | head -n 3
echo "== by age"
weigh scan --filter "age > 3 years" --filter name~3 --format csv | cut -d, -f1,18-
weigh scan --sort age --format csv | sed -n 2p | cut -d, -f1
weigh scan --sort -age --filter "age<1d" --format csv | grep -c gguf
echo "== JSON is complete"
weigh scan --json | python3 -c '
import json, sys
totals = json.load(sys.stdin)["totals"]
for store in totals["stores"]: print(store["store"], store["models"], store["file_bytes"])
for group in totals["copies"]: print(group["same"], len(group["paths"]), [(m["name"], m["store"], m["file_bytes"]) for m in group["models"]][0])'
echo "== a name for a folder"
weigh scan ollama:llama3:8b --quiet
echo "== wrong usage"
for flags in "--filter verdict=over" "--filter store=cellar" "--filter format~zip" "--filter age=3d" "--filter age>soon" "--sort rtx-4090" "--db missing.sqlite"; do
  weigh scan $flags 2>&1
  echo "exit $?"
done
