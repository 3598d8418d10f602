# What a file says cannot reach the terminal, a spreadsheet or a markdown page as anything but text.
for file in name-control-bytes name-bidi-override name-not-utf8 key-not-utf8; do
  weigh tensors testdata/gguf/good/$file.gguf
  weigh tensors testdata/gguf/good/$file.gguf --json
  weigh metadata testdata/gguf/good/$file.gguf
done
cp testdata/gguf/good/v3.gguf '=cmd|<b>,`x`.gguf'
weigh '=cmd|<b>,`x`.gguf' --format csv | cut -c1-60
weigh '=cmd|<b>,`x`.gguf' --format markdown | head -n 1
