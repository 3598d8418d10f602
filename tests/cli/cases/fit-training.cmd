weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --train full --batch 2 --on h100-sxm
weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --train qlora --checkpointing full --on rtx-4090 --on rtx-3060
weigh fit testdata/snapshots/Mixtral-8x7B-v0.1.weigh.zst --train full --optimizer adamw_bnb_8bit --shard zero3 --on "8x h100-sxm" --checkpointing full
weigh fit testdata/snapshots/Llama-2-7B.Q8_0.weigh.zst --train lora --on rtx-4090
COLUMNS=80 weigh fit testdata/snapshots/families/Llama-4-Scout.weigh.zst --train qlora --rank 8 --seq 4096 --on h200 --format markdown
