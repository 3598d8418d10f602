# The store of Ollama is its models, by Ollama's own names; a projector goes with the model of its manifest only.
mkdir -p home/models/blobs home/models/manifests/registry.ollama.ai/library/text home/models/manifests/registry.ollama.ai/library/vision
add() { sha=$(sha256sum "$1" | cut -d' ' -f1); cp "$1" home/models/blobs/sha256-$sha; }
layer() { sha=$(sha256sum "$2" | cut -d' ' -f1); echo '{"mediaType": "application/vnd.ollama.image.'$1'", "digest": "sha256:'$sha'"}'; }
text=testdata/gguf/good/moe-per-expert.gguf; seeing=testdata/gguf/good/moe-merged.gguf; projector=testdata/gguf/good/mmproj-small.gguf
add $text; add $seeing; add $projector
echo '{"layers": ['$(layer model $text)']}' > home/models/manifests/registry.ollama.ai/library/text/8b
echo '{"layers": ['$(layer projector $projector), $(layer model $seeing)']}' > home/models/manifests/registry.ollama.ai/library/vision/4b
weigh home --quiet
weigh home/models --json --on rtx-4090 | python3 -c '
import json, sys
report = json.load(sys.stdin)
for m in report["models"]: print(m["name"], m["path"][:60], m["kind"])
for p in report["pipelines"]: print(p["name"], [part["name"] for part in p["parts"]])'
weigh fit home/models/manifests/registry.ollama.ai/library/text/8b --on rtx-4090 --quiet
weigh audit home
weigh tensors home/models/manifests/registry.ollama.ai/library/vision/4b | head -n 3
weigh metadata home
