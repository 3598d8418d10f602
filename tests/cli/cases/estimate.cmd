weigh estimate --params 46.7B --precision int4 --on rtx-4090 --on "2x h100-sxm"
