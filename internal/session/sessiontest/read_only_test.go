package sessiontest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/session"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// connectAs opens a connection of an account; disconnected is called when the server ends it.
func connectAs(t *testing.T, r *Rig, account string, disconnected func()) (*Client, error) {
	t.Helper()
	h, err := r.Sessions.Connect(context.Background(), session.ConnInfo{
		ID: r.Sessions.NextConnID(), User: account, Account: account, Host: "localhost:1", Close: disconnected,
	})
	if err != nil {
		return nil, err
	}
	closing(t, h.Close)
	return &Client{Handler: h, rig: r, t: t}, nil
}

func (c *Client) requireCode(t *testing.T, code sqlerr.Code, sql string) {
	t.Helper()
	_, err := c.Run(context.Background(), sql)
	require.Equal(t, code, sqlerr.CodeOf(err), "%s: %v", sql, err)
}

// TestReadOnly: ordinary accounts change nothing while read_only is on, nobody does while super_read_only is.
func TestReadOnly(t *testing.T) {
	r := New(t, Options{LimitBytes: 32 << 20})
	root := r.Connect(t, "")
	root.Must("create user u@'%'")
	root.Must("grant all on d.* to u@'%'")
	root.Must("create database d")
	root.Must("create table d.t (a int)")
	u, err := connectAs(t, r, "u@%", nil)
	require.NoError(t, err)
	u.Must("insert into d.t values (1)")
	open, err := connectAs(t, r, "u@%", nil)
	require.NoError(t, err)
	open.Must("begin")
	open.Must("insert into d.t values (2)")

	root.Must("set global read_only = on")
	changes := []string{
		"insert into d.t values (3)", "update d.t set a = 3", "delete from d.t", "create table d.v (a int)",
		"drop table d.t", "alter table d.t add b int", "lock tables d.t write", "set password = 'x'",
	}
	for _, sql := range changes {
		u.requireCode(t, sqlerr.ErrOptionPreventsStatement, sql)
	}
	open.requireCode(t, sqlerr.ErrOptionPreventsStatement, "commit")
	require.Equal(t, []string{"1"}, u.Must("select a from d.t"))
	u.Must("set @a = 1")
	root.Must("insert into d.t values (4)")

	root.Must("set global super_read_only = on")
	for _, sql := range append(changes, "create user v@'%'", "grant select on d.* to u@'%'") {
		root.requireCode(t, sqlerr.ErrOptionPreventsStatement, sql)
	}
	root.Must("set global read_only = off")
	require.Equal(t, []string{"0|0"}, root.Must("select @@read_only, @@super_read_only"))
	root.Must("set global super_read_only = on")
	require.Equal(t, []string{"1|1"}, root.Must("select @@read_only, @@super_read_only"))
	root.Must("set global super_read_only = off")
	require.Equal(t, []string{"1|0"}, root.Must("select @@read_only, @@super_read_only"))
	root.Must("set global read_only = off")
	u.Must("insert into d.t values (5)")

	root.Must("begin")
	root.requireCode(t, sqlerr.ErrLockOrActiveTransaction, "set global read_only = on")
	root.Must("commit")
	root.Must("lock tables d.t read")
	root.requireCode(t, sqlerr.ErrLockOrActiveTransaction, "set global super_read_only = on")
	root.Must("unlock tables")
	u.requireCode(t, sqlerr.ErrSpecificAccessDenied, "set global read_only = on")
}

// TestOfflineMode: ordinary accounts are disconnected and not let in again.
func TestOfflineMode(t *testing.T) {
	r := New(t, Options{LimitBytes: 32 << 20})
	root := r.Connect(t, "")
	root.Must("create user u@'%'")
	root.Must("create user a@'%'")
	root.Must("grant connection_admin on *.* to a@'%'")
	ended := map[string]bool{}
	for _, who := range []string{"u@%", "a@%"} {
		_, err := connectAs(t, r, who, func() { ended[who] = true })
		require.NoError(t, err)
	}
	root.Must("set global offline_mode = on")
	require.Equal(t, map[string]bool{"u@%": true}, ended)
	_, err := connectAs(t, r, "u@%", nil)
	require.Equal(t, sqlerr.ErrServerOfflineMode, sqlerr.CodeOf(err))
	_, err = connectAs(t, r, "a@%", nil)
	require.NoError(t, err)
	root.Must("set global offline_mode = off")
	_, err = connectAs(t, r, "u@%", nil)
	require.NoError(t, err)
}
