package schema

import "strings"

// EqualName compares names of columns, indexes and aliases, which have no case in MySQL. Names of databases and tables
// have one (lower_case_table_names = 0).
func EqualName(a, b string) bool { return strings.EqualFold(a, b) }
