package catalog

import (
	"github.com/spillwaydb/spillway/internal/schema"
)

// CreateTableText is SHOW CREATE TABLE; next is the AUTO_INCREMENT value to show, 0 or 1 for none.
func CreateTableText(t *schema.Table, next uint64) string { return "" }

// CreateDatabaseText is SHOW CREATE DATABASE.
func CreateDatabaseText(d *schema.Database, ifNotExists bool) string { return "" }
