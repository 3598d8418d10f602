weigh estimate --as Q4_K_M testdata/audit/packing-unknown/fires
