HOME=nowhere
for flags in "" "testdata/gguf/good --files-from list" "--load lines" "testdata/gguf/good --db x.sqlite --shard 0/2" \
  "testdata/gguf/good/v3.gguf --db x.sqlite" "testdata/gguf/good --filter params" "testdata/gguf/good --filter shape=2" \
  "testdata/gguf/good --sort colour" "testdata/gguf/good --min-size big" "testdata/gguf/good --require fits" \
  "testdata/gguf/good --threads 0" "testdata/gguf/good --format html" "testdata/gguf/good --db testdata/gguf/good/v3.gguf" \
  "--files-from missing"; do
  weigh scan $flags
  echo "exit $?"
done
