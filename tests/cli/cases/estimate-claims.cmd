# Each row of the table of claims: parameters, precision, device; need, budget, limit, verdict.
claim() { weigh estimate --params "$1" --precision "$2" --on "$3" --format csv | tail -n 1 | cut -d, -f2,20-25,27; }
claim 47B float32 m2-ultra-192gb
claim 47B float16 m2-ultra-192gb
claim 47B int8 m2-ultra-192gb
claim 47B int4 m2-ultra-192gb
claim 13B float16 rtx-4090
claim 7B float16 rtx-4060-laptop
claim 7B float16 surface-laptop-studio-2
claim 7B int8 macbook-air-8gb
claim 7B int4 macbook-air-8gb
claim 7B 4bit rtx-4060-laptop
claim 7B 8bit rtx-4060-laptop
claim 47B int4 rtx-4090
claim 13B int8 rtx-4090
claim 47B bfloat16 "2x h100-sxm"
