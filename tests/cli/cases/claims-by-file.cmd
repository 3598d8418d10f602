# The same claims where a model stands for them: model, device, verdict. Need is weights plus overhead here.
claim() { weigh "testdata/snapshots/$1.weigh.zst" --on "$2" --format csv | tail -n 1 | cut -d, -f2,20,27; }
claim Mixtral-8x7B-v0.1-f32 m2-ultra-192gb
claim Mixtral-8x7B-v0.1 m2-ultra-192gb
claim Mixtral-8x7B-v0.1.Q4_K_M m2-ultra-192gb
claim Llama-2-13B-f16 rtx-4090
claim Llama-2-7B-f16 rtx-4060-laptop
claim Llama-2-7B.F16 surface-laptop-studio-2
claim Llama-2-7B.Q8_0 macbook-air-8gb
claim Llama-2-7B.Q4_0 macbook-air-8gb
claim Llama-2-7B.Q4_0 rtx-4060-laptop
claim Llama-2-7B.Q8_0 rtx-4060-laptop
claim Mixtral-8x7B-v0.1-2023.Q4_K_M rtx-4090
claim Llama-2-13B.Q8_0 rtx-4090
claim Mixtral-8x7B-v0.1 "2x h100-sxm"
