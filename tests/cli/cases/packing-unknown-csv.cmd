weigh inspect --format csv testdata/audit/packing-unknown/fires
