# An audit as a gate: what fails it, what is accepted, everything below a folder.
mkdir -p models/good models/deeper/still models/.hidden
cp testdata/gguf/good/v3.gguf models/good/
cp -r testdata/audit/pickle-beside/fires models/deeper/still/pickle
cp -r testdata/audit/layer-shape/fires models/shape
cp testdata/gguf/good/v3.gguf models/.hidden/
weigh audit --recursive models
echo "exit $?"
printf '# looked at on Monday\nlayer-shape  shape*   # a known fault\n\npickle-beside\n' > accepted.txt
weigh audit -r models --accept accepted.txt
echo "exit $?"
weigh audit -r models --accept accepted.txt --json | grep -A6 '"totals"'
weigh audit -r models --accept accepted.txt -o a.sarif; grep -c '"suppressions"' a.sarif
echo 'layer-shape elsewhere/*' > other.txt
weigh audit models/shape --accept other.txt -q | head -n 2
for level in error warning never; do
  weigh audit models/deeper/still/pickle --fail-on $level -q > /dev/null; echo "pickle $level: $?"
  weigh audit models/shape --fail-on $level -q > /dev/null; echo "shape $level: $?"
done
# Nothing below it is a finding; so is what cannot be a list.
weigh audit -r models/deeper/still/pickle/nothing -q
echo "exit $?"
weigh audit models --fail-on errors
echo 'layershape' > wrong.txt
weigh audit models --accept wrong.txt
weigh audit models --accept no-such-file
echo "exit $?"
