weigh fit testdata/snapshots/Llama-2-7B-f16.weigh.zst --train lora --rank 8 --optimizer adamw-8bit --seq 1024 --on "2x rtx-4090" --shard zero1 --json | sed -n '/"fit": /,$p'
