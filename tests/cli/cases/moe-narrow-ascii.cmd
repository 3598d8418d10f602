# A terminal of 80 columns that knows no UTF-8.
LC_ALL=C COLUMNS=80 weigh testdata/snapshots/Mixtral-8x7B-v0.1.weigh.zst --on rtx-4090 --on m2-ultra-192gb
