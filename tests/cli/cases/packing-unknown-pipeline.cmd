# A pipeline with a part whose packing is not known has no sum of parameters; its bytes are known.
mkdir -p painter/unet painter/text_encoder
cp testdata/audit/packing-unknown/fires/model.safetensors painter/unet/
cp testdata/safetensors/good/sharded/model-00001-of-00003.safetensors painter/text_encoder/model.safetensors
echo '{"_class_name": "P", "unet": ["diffusers", "UNet2DConditionModel"], "text_encoder": ["transformers", "CLIPTextModel"]}' > painter/model_index.json
weigh painter --on rtx-4090 | tail -n 12
weigh painter --json --on rtx-4090 | python3 -c '
import json, sys
for p in json.load(sys.stdin)["pipelines"]: print(p["name"], p["parameters"], p["weights"])'
weigh painter --on rtx-4090 --format csv | cut -d, -f2,5-8
