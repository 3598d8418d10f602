weigh scan testdata/audit/packing-unknown
