weigh inspect --json testdata/audit/packing-unknown/fires
