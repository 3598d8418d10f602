# A vector option takes what follows as further values unless it is told not to.
weigh --on rtx-4090 testdata/gguf/good/v3.gguf --format csv | cut -d, -f2,20
weigh inspect --on rtx-4090 --on=24GiB testdata/gguf/good/v3.gguf --format csv | cut -d, -f2,20
