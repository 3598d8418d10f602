# -h is usage, the options used most and examples, in no more than 24 lines; `weigh help` as well.
weigh fit -h
weigh -h
for command in inspect fit estimate tensors metadata diff devices snapshot scan audit; do
  [ "$(weigh $command -h | wc -l)" -le 24 ] || echo "$command: too long"
done
[ "$(weigh -h | wc -l)" -le 24 ] || echo "too long"
[ "$(weigh help)" = "$(weigh -h)" ] && [ "$(weigh help fit)" = "$(weigh fit --help)" ] && [ "$(weigh -V)" = "$(weigh --version)" ] && echo same
