for params in 0 -1 7X 1e9 "" 1.5 0.0000000001B 18446744073709551616 99999999T 4611686018427387904 "7 B"; do
  weigh estimate --params "$params" --precision f32
  test $? -eq 2 || echo "$params: exit $?"
done
weigh estimate --params 7B --precision Q4_K_M
echo "exit $?"
weigh estimate
echo "exit $?"
weigh estimate model.gguf --params 7B
