model=testdata/snapshots/Llama-2-7B.Q4_0.weigh.zst
# This machine's graphics card or Apple chip where it has one, else the common devices.
kinds=$(weigh devices --detect --json | python3 -c '
import json, sys
print(*[device["kind"] for device in json.load(sys.stdin)["devices"]])')
case $kinds in
  *gpu*|*accelerator*|*unified*) weigh fit $model | grep -q "^local" ;;
  *) weigh fit $model > fit; weigh $model > common; cmp fit common && test -s fit ;;
esac && echo right
