weigh estimate --params 300B --on dgx-h100 --on "2x dgx-h100" --format csv | cut -d, -f2,20,21,22,27
weigh estimate --params 300B --on dgx-h100 --on "2x dgx-h100" --quiet
