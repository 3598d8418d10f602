# An ambiguous part of a name lists its candidates; a wrong name is refused before any file is read.
weigh does-not-exist.gguf --on "rtx 40"
echo "exit $?"
weigh does-not-exist.gguf --on rtx-9999
echo "exit $?"
weigh does-not-exist.gguf --on ""
