model=testdata/snapshots/Llama-2-7B.Q4_0.weigh.zst
mkdir weigh
config=weigh/config.toml
export XDG_CONFIG_HOME=.
try() {
  echo "$1"
  weigh $model > out
  echo "exit $?, $(wc -c < out) bytes"
}
written() {
  printf '%b\n' "$1" > $config
  try "$1"
}
exec 2>&1
written 'on = "rtx-9999"'
written 'on = ["rtx-4090", "m3 max"]'
written 'hosts = "32GiB"'
written 'output = "report.txt"'
written 'context = "many"'
written 'context = [4096, 8192]'
written 'parallel = 0'
written 'parallel = "two"'
written 'kv-unified = "perhaps"'
written '[fit]\ncontext = 8192'
written 'fit.context = 8192'
written 'rtx-4090'
written '\0033[31m = 1'
written '\0377\0376\0001'
rm $config
WEIGH_ON=rtx-9999 weigh $model
WEIGH_ON=rtx-4090, weigh $model
mkdir $config; try "a folder"; rmdir $config
mkfifo $config; try "a named pipe"; rm $config
ln -s nowhere $config; try "a link to nothing" | sed 's/, .*//'; rm $config
head -c 65537 /dev/zero | tr '\0' '#' > $config; try "larger than any"
head -c 65536 /dev/zero | tr '\0' '#' > $config; try "as large as may be" | sed 's/, .*//'
