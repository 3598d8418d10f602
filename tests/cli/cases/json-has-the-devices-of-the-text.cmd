# Without --on the JSON has the common devices that the text shows; lines and scan have those asked for.
model=testdata/snapshots/Llama-2-7B.Q4_0.weigh.zst
weigh $model --json | sed -n 's/^          "device": //p'
weigh $model -q | sed -n 's|^  \([a-z0-9-]*\) .*|\1|p'
weigh $model --format jsonl | grep -o '"fit":\[[^]]*\]'
weigh scan $model --json | grep -o '"fit": *\[[^]]*\]'
# A list of paths gives lines, or what is asked for.
echo $model > list
weigh scan --files-from list | grep -o '^{"schema":"[a-z.]*'
weigh scan --files-from list --format text | head -n 2
weigh scan --files-from list --format csv | cut -d, -f1
weigh scan --files-from list -o list.csv && cut -d, -f1 list.csv
