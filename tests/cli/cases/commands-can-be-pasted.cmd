# Whatever the locale and the name, a command gives a shell the same bytes.
cp testdata/gguf/good/moe-merged.gguf "naïve it's.gguf"
for locale in C C.UTF-8; do
  export LC_ALL=$locale
  weigh fit "naïve it's.gguf" --on 24GiB | grep llama-server
  printf '#!/bin/sh\ncmp -s "$2" testdata/gguf/good/moe-merged.gguf && echo the same file\n' > llama-server
  chmod +x llama-server
  weigh fit "naïve it's.gguf" --on 24GiB | sed -n 's/^ *llama-server/llama-server/p' > run.sh
  PATH=.:$PATH bash run.sh
done
weigh fit "naïve it's.gguf" --on 24GiB --format csv | python3 -c 'import csv, sys; print([row["command"] for row in csv.DictReader(sys.stdin)])'
weigh fit "naïve it's.gguf" --on 24GiB --json | grep '"command"'
