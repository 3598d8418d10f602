# Every part of the need and of the placement, empty where it is not known.
weigh fit testdata/snapshots/Llama-2-13B-f16.weigh.zst --engine llama.cpp --on rtx-4090 --on rtx-3060 --together --format csv | cut -d, -f20-
weigh estimate --params 7B --precision int4 --on rtx-4090 --format csv | cut -d, -f20-
