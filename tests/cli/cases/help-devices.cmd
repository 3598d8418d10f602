weigh devices --help
