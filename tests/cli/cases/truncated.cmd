# A cut download still gets its whole report, and says what is missing before anything else.
head -c 600 testdata/gguf/good/moe-merged.gguf >cut.gguf
head -c 4000 testdata/gguf/good/moe-merged.gguf >short.gguf
weigh short.gguf --on rtx-4090
echo "exit $?"
weigh cut.gguf
