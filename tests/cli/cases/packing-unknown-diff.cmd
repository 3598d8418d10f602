weigh diff testdata/audit/packing-unknown/fires testdata/audit/packing-unknown/silent
