weigh tensors --group role --json testdata/audit/packing-unknown/fires
