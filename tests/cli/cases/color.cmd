# Never by itself where there is no terminal; --color wins over NO_COLOR.
weigh testdata/gguf/good/v3.gguf --on rtx-4090 --quiet | od -c | grep -c 033
NO_COLOR=1 weigh testdata/gguf/good/v3.gguf --on rtx-4090 --quiet --color always | cat -v
