weigh scan --format csv testdata/audit/packing-unknown
