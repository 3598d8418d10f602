M=testdata/snapshots/Llama-2-7B-f16.weigh.zst
weigh fit $M --train some; echo $?
weigh fit $M --train full --rank 8; echo $?
weigh fit $M --train lora --rank 1000000000; echo $?
weigh fit $M --train lora --seq 1099511627776; echo $?
weigh fit $M --train lora --batch 0; echo $?
weigh fit $M --train full --optimizer adamx; echo $?
weigh fit $M --train full --checkpointing some; echo $?
weigh fit $M --train full --shard zero4; echo $?
weigh fit $M --train full --context 8192; echo $?
weigh fit $M --optimizer sgd; echo $?
