model=testdata/snapshots/Llama-2-7B.Q4_0.weigh.zst
mkdir -p "$HOME/.config/weigh"
config=$HOME/.config/weigh/config.toml
verdicts() {
  weigh "$@" $model --json | python3 -c '
import json, sys
print(*[(fit["device"], fit["count"], fit["context"]) for fit in json.load(sys.stdin)["models"][0]["fit"]] or ["none"])'
}
echo "nothing is set"; verdicts
echo "WEIGH_ON"; WEIGH_ON="RTX 4060, 2x3090,MacBook Air (M2, 2022) 16GB" verdicts
cat > "$config" <<'END'
# My machines
on = ["rtx-4090", "8 GB card"]
context = 8192
gpu-layers = 10        # only weigh fit has it, the others do without
kv-unified = true
END
echo "the file"; verdicts; verdicts fit
echo "the variable wins, an empty one does not"; WEIGH_ON=rtx-3060 verdicts; WEIGH_ON= verdicts
echo "the command line wins"; WEIGH_ON=rtx-3060 verdicts --on 24GiB --context 2048
echo "one line for several"; echo 'on = "rtx-3060,rtx-4070"' > "$config"; verdicts
echo "another place"; mkdir -p there/weigh; echo 'on = "t4"' > there/weigh/config.toml; XDG_CONFIG_HOME=$PWD/there verdicts
