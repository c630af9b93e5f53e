package sessiontest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPrivilegesAreListed: information_schema tells what SHOW GRANTS does.
func TestPrivilegesAreListed(t *testing.T) {
	c := New(t, Options{LimitBytes: 32 << 20}).Connect(t, "")
	listed := func(columns, table string) []string {
		return c.Must("select " + columns + " from information_schema." + table +
			" where grantee = \"'reader'@'10.%'\" order by privilege_type")
	}
	c.Must("create user reader@'10.%'")
	const global = "table_catalog, privilege_type, is_grantable"
	require.Equal(t, []string{"def|USAGE|NO"}, listed(global, "user_privileges"))
	c.Must("grant process on *.* to reader@'10.%'")
	c.Must("grant select, insert on a.* to reader@'10.%' with grant option")
	c.Must("grant update on a.t to reader@'10.%'")
	require.Equal(t, []string{"def|PROCESS|NO"}, listed(global, "user_privileges"))
	require.Equal(t, []string{"a|INSERT|YES", "a|SELECT|YES"},
		listed("table_schema, privilege_type, is_grantable", "schema_privileges"))
	require.Equal(t, []string{"a|t|UPDATE|NO"},
		listed("table_schema, table_name, privilege_type, is_grantable", "table_privileges"))
	require.Equal(t, []string{
		"GRANT PROCESS ON *.* TO `reader`@`10.%`",
		"GRANT SELECT, INSERT ON `a`.* TO `reader`@`10.%` WITH GRANT OPTION",
		"GRANT UPDATE ON `a`.`t` TO `reader`@`10.%`",
	}, c.Must("show grants for reader@'10.%'"))
	c.Must("drop user reader@'10.%'")
	require.Empty(t, listed("table_schema", "schema_privileges"))
}
