weigh inspect
echo "exit $?"
weigh --json
echo "exit $?"
weigh tensors
