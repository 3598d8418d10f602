weigh devices m2 ultra
weigh devices rtx-4090 --verbose
weigh devices rtx-4090 --json
weigh devices no-such-thing
