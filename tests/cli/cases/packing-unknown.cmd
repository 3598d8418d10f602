weigh testdata/audit/packing-unknown/fires
