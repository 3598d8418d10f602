# Models that one program loads together have one need: a pipeline, all at once and with the encoders on the host, and a
# language model with its projector.
mkdir -p painter/unet painter/text_encoder painter/image_encoder both
for part in unet text_encoder image_encoder; do cp testdata/safetensors/good/sharded/model-00001-of-00003.safetensors painter/$part/model.safetensors; done
echo '{"_class_name": "P", "unet": ["diffusers", "UNet2DConditionModel"], "text_encoder": ["transformers", "CLIPTextModel"],
  "text_encoder_2": ["transformers", "T5EncoderModel"], "image_encoder": [null, null], "scheduler": ["diffusers", "DDIMScheduler"]}' > painter/model_index.json
weigh painter --on rtx-4090 --on macbook-air-8gb
weigh painter --json --on rtx-4090 | python3 -c '
import json, sys
for p in json.load(sys.stdin)["pipelines"]:
    print(p["name"], [part["name"] for part in p["parts"]], "without", p["missing"], p["parameters"], p["weights"])
    print([(f["device"], f["verdict"], f["need"]["weights"]) for f in p["fit"] + p["fit_on_host"]])'
cp testdata/gguf/good/mmproj-small.gguf testdata/gguf/good/moe-merged.gguf both
weigh fit both --on rtx-4090 --quiet
weigh both --on rtx-4090 --format csv | cut -d, -f1-3,6,20,22,27
weigh both --on rtx-4090 --format markdown | tail -n 12
