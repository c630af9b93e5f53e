package privilege

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

func open(t testing.TB, s Store) *Manager {
	m, err := New(t.Context(), Options{Store: s})
	require.NoError(t, err)
	return m
}

func ptr[T any](v T) *T { return &v }

func at(user, host string) Account { return Account{user, host} }

func wantCode(t testing.TB, code int, err error) {
	t.Helper()
	require.EqualValues(t, code, sqlerr.CodeOf(err), "%v", err)
}

func TestInitialAccounts(t *testing.T) {
	m := open(t, &MemStore{})
	for _, client := range [][2]string{{"localhost", "127.0.0.1"}, {"localhost", "::1"}, {"localhost", ""}} {
		u, ok := m.Match("root", client[0], client[1])
		require.True(t, ok)
		require.Empty(t, u.AuthString)
		require.NoError(t, m.Check(u.Account, Super, "", ""))
		require.NoError(t, m.CheckGrant(u.Account, 0, true, Level{}))
	}
	_, ok := m.Match("root", "10.0.0.1", "10.0.0.1")
	require.False(t, ok)
}

func TestHosts(t *testing.T) {
	for _, test := range []struct {
		pattern, host, ip string
		want              bool
	}{
		{"%", "anything", "", true},
		{"localhost", "localhost", "127.0.0.1", true},
		{"localhost", "LOCALHOST", "127.0.0.1", true},
		{"127.0.0.1", "localhost", "127.0.0.1", true},
		{"localhost", "h", "10.0.0.1", false},
		{"10.%", "h", "10.0.0.1", true},
		{"10.%", "h", "110.0.0.1", false},
		{"%.example.com", "a.example.com", "10.0.0.1", true},
		{"%.example.com", "example.com", "10.0.0.1", false},
		{"h_st", "host", "", true},
		{`h\_st`, "host", "", false},
		{`h\_st`, "h_st", "", true},
		{"10.1.0.0/255.255.0.0", "h", "10.1.2.3", true},
		{"10.1.0.0/255.255.0.0", "h", "10.2.2.3", false},
		{"10.1.0.0/16", "h", "10.1.2.3", true},
		{"10.1.0.0/16", "h", "10.2.2.3", false},
		{"10.1.0.0/x", "h", "10.1.2.3", false},
		{"10.1.0.0/16", "h", "", false},
		{"%%%a%%%b%%", strings.Repeat("a", 200), "", false},
	} {
		require.Equal(t, test.want, hostMatches(test.pattern, test.host, test.ip), test)
	}
}

func TestMatchOrder(t *testing.T) {
	m := open(t, &MemStore{})
	var specs []UserSpec
	for _, a := range []Account{
		at("u", "%"), at("", "localhost"), at("u", "10.%"), at("u", "10.1.%"), at("u", "10.1.0.0/16"),
		at("u", "10.1.2.3"),
		at("", "%"),
	} {
		specs = append(specs, UserSpec{Account: a})
	}
	_, err := m.CreateUser(t.Context(), specs, false)
	require.NoError(t, err)
	for _, test := range []struct{ user, host, ip, want string }{
		{"u", "10.1.2.3", "10.1.2.3", "u@10.1.2.3"},
		{"u", "10.1.2.4", "10.1.2.4", "u@10.1.0.0/16"},
		{"u", "10.2.2.4", "10.2.2.4", "u@10.%"},
		{"u", "12.2.2.4", "12.2.2.4", "u@%"},
		{"u", "localhost", "127.0.0.1", "@localhost"}, // MySQL's famous one
		{"v", "12.2.2.4", "12.2.2.4", "@%"},
		{"root", "localhost", "127.0.0.1", "root@localhost"},
	} {
		u, ok := m.Match(test.user, test.host, test.ip)
		require.True(t, ok)
		require.Equal(t, test.want, u.Name(), test)
		require.Equal(t, u.Account, ParseAccount(u.Name()))
	}
}

func TestAccounts(t *testing.T) {
	ctx := t.Context()
	store := &MemStore{}
	m := open(t, store)
	specs := []UserSpec{{Account: at("a", ""), Password: ptr("x")}, {Account: at("b", "LocalHost")}}
	_, err := m.CreateUser(ctx, specs, false)
	require.NoError(t, err)
	u, ok := m.Lookup(at("a", "%"))
	require.True(t, ok)
	require.True(t, strings.HasPrefix(u.AuthString, "$A$005$"))
	require.Len(t, u.AuthString, sha2Length)

	_, err = m.CreateUser(ctx, []UserSpec{{Account: at("c", "%")}, {Account: at("a", "%")}}, false)
	wantCode(t, 1396, err)
	require.ErrorContains(t, err, "Operation CREATE USER failed for 'a'@'%'")
	_, ok = m.Lookup(at("c", "%"))
	require.False(t, ok, "all or none")
	notes, err := m.CreateUser(ctx, []UserSpec{{Account: at("c", "%")}, {Account: at("a", "%")}}, true)
	require.NoError(t, err)
	require.Len(t, notes, 1)
	require.EqualValues(t, 3163, notes[0].Code)
	_, err = m.CreateUser(ctx, []UserSpec{{Account: at("d", "%"), Plugin: ptr("none")}}, false)
	wantCode(t, 1524, err)
	specs = []UserSpec{{Account: at("d", "%"), Plugin: ptr(NativePassword), Hash: ptr("*12")}}
	_, err = m.CreateUser(ctx, specs, false)
	wantCode(t, 1827, err)
	_, err = m.CreateUser(ctx, []UserSpec{{Account: at(strings.Repeat("d", 33), "%")}}, false)
	wantCode(t, 1470, err)

	hash := "*" + strings.Repeat("A1", 20)
	specs = []UserSpec{{Account: at("a", "%"), Plugin: ptr(NativePassword), Hash: &hash, Locked: ptr(true)}}
	_, err = m.AlterUser(ctx, specs, false)
	require.NoError(t, err)
	u, _ = m.Lookup(at("a", "%"))
	require.Equal(t, hash, u.AuthString)
	require.True(t, u.Locked)
	_, err = m.AlterUser(ctx, []UserSpec{{Account: at("x", "%")}}, false)
	wantCode(t, 1396, err)
	require.NoError(t, m.SetPassword(ctx, at("a", "%"), ""))
	wantCode(t, 1133, m.SetPassword(ctx, at("x", "%"), ""))

	wantCode(t, 1396, m.RenameUser(ctx, []Rename{{at("a", "%"), at("b", "localhost")}}))
	require.NoError(t, m.RenameUser(ctx, []Rename{{at("a", "%"), at("A", "%")}}))
	_, err = m.DropUser(ctx, []Account{at("A", "%"), at("a", "%")}, false)
	wantCode(t, 1396, err)
	notes, err = m.DropUser(ctx, []Account{at("A", "%"), at("a", "%")}, true)
	require.NoError(t, err)
	require.Len(t, notes, 1)

	again := open(t, store)
	require.Equal(t, m.Users(), again.Users())
	require.Len(t, m.Users(), 5)
}

func TestGrants(t *testing.T) {
	ctx := t.Context()
	store := &MemStore{}
	m := open(t, store)
	u, v := at("u", "%"), at("v", "localhost")
	_, err := m.CreateUser(ctx, []UserSpec{{Account: u}, {Account: v}}, false)
	require.NoError(t, err)
	root := at("root", "localhost")

	wantCode(t, 1044, m.Check(u, Create, "d", ""))
	wantCode(t, 1142, m.Check(u, Select, "d", "t"))
	require.EqualError(t, m.Check(u, Select, "d", "t"), "SELECT command denied to user 'u'@'%' for table 't'")
	wantCode(t, 1227, m.Check(u, Reload, "", ""))
	wantCode(t, 1227, m.CheckAny(u, Super, SystemVariablesAdmin))
	require.EqualError(t, m.CheckAny(u, Super, SystemVariablesAdmin), "Access denied; you need (at least one of) the "+
		"SUPER or SYSTEM_VARIABLES_ADMIN privilege(s) for this operation")
	require.NoError(t, m.Check(u, Select, "information_schema", "tables"))
	wantCode(t, 1044, m.CheckUse(u, "d"))
	require.NoError(t, m.CheckAny(root, Super))

	require.NoError(t, m.Grant(ctx, NewSet(Select, Insert), false, Level{DB: "d"}, []Account{u}))
	require.NoError(t, m.Grant(ctx, NewSet(Update, GrantOption), false, Level{DB: "e", Table: "t"}, []Account{u, v}))
	require.NoError(t, m.Grant(ctx, NewSet(Process, ConnectionAdmin), false, Level{}, []Account{u}))
	require.NoError(t, m.Grant(ctx, 0, true, Level{DB: `test\_%`}, []Account{v}))
	require.NoError(t, m.Check(u, Select, "d", "any"))
	require.NoError(t, m.Check(u, Insert, "d", ""))
	wantCode(t, 1142, m.Check(u, Delete, "d", "any"))
	require.NoError(t, m.Check(u, Update, "e", "t"))
	wantCode(t, 1142, m.Check(u, Update, "e", "t2"))
	require.NoError(t, m.CheckUse(u, "e"))
	require.NoError(t, m.Check(v, Drop, "test_1", "t"))
	wantCode(t, 1142, m.Check(v, Drop, "testx1", "t"))
	require.True(t, m.SeesTable(u, "e", "t"))
	require.False(t, m.SeesTable(u, "e", "t2"))

	require.NoError(t, m.CheckGrant(v, NewSet(Update), false, Level{DB: "e", Table: "t"}))
	wantCode(t, 1142, m.CheckGrant(v, NewSet(Select), false, Level{DB: "e", Table: "t"}))
	wantCode(t, 1044, m.CheckGrant(u, NewSet(Select), false, Level{DB: "d"}))
	require.NoError(t, m.CheckGrant(root, 0, true, Level{}))

	rows, err := m.ShowGrants(u)
	require.NoError(t, err)
	require.Equal(t, []string{
		"GRANT PROCESS ON *.* TO `u`@`%`",
		"GRANT CONNECTION_ADMIN ON *.* TO `u`@`%`",
		"GRANT SELECT, INSERT ON `d`.* TO `u`@`%`",
		"GRANT UPDATE ON `e`.`t` TO `u`@`%` WITH GRANT OPTION",
	}, rows)
	rows, err = m.ShowGrants(v)
	require.NoError(t, err)
	require.Equal(t, "GRANT USAGE ON *.* TO `v`@`localhost`", rows[0])
	require.Equal(t, "GRANT ALL PRIVILEGES ON `test\\_%`.* TO `v`@`localhost`", rows[1])
	rows, err = m.ShowGrants(root)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.True(t, strings.HasPrefix(rows[0], "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, "))
	require.True(t, strings.HasSuffix(rows[0], " DROP ROLE ON *.* TO `root`@`localhost` WITH GRANT OPTION"), rows[0])
	_, err = m.ShowGrants(at("x", "%"))
	wantCode(t, 1141, err)

	wantCode(t, 1410, m.Grant(ctx, NewSet(Select), false, Level{}, []Account{at("x", "%")}))
	wantCode(t, 1221, m.Grant(ctx, NewSet(Super), false, Level{DB: "d"}, []Account{u}))
	wantCode(t, 1144, m.Grant(ctx, NewSet(Super), false, Level{DB: "d", Table: "t"}, []Account{u}))
	wantCode(t, 1141, m.Revoke(ctx, NewSet(Select), false, Level{DB: "x"}, []Account{u}))
	wantCode(t, 1147, m.Revoke(ctx, NewSet(Select), false, Level{DB: "x", Table: "t"}, []Account{u}))
	require.NoError(t, m.Revoke(ctx, NewSet(Select, Insert), false, Level{DB: "d"}, []Account{u}))
	wantCode(t, 1044, m.CheckUse(u, "d"))
	require.Equal(t, m.Users(), open(t, store).Users())
	require.NoError(t, m.RevokeAll(ctx, []Account{u}))
	rows, err = m.ShowGrants(u)
	require.NoError(t, err)
	require.Equal(t, []string{"GRANT USAGE ON *.* TO `u`@`%`"}, rows)

	text, err := m.ShowCreateUser(u)
	require.NoError(t, err)
	require.Equal(t, "CREATE USER `u`@`%` IDENTIFIED WITH 'caching_sha2_password' REQUIRE NONE "+
		"PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT "+
		"PASSWORD REQUIRE CURRENT DEFAULT", text)
}

// brokenStore refuses changes.
type brokenStore struct{ MemStore }

func (*brokenStore) Apply(context.Context, ...Entry) error { return errors.New("disk") }

func TestFailedStoreChangesNothing(t *testing.T) {
	m := open(t, &MemStore{})
	m.store = &brokenStore{}
	before := m.Users()
	_, err := m.CreateUser(t.Context(), []UserSpec{{Account: at("a", "%")}}, false)
	require.EqualError(t, err, "disk")
	require.EqualError(t, m.Grant(t.Context(), NewSet(Select), false, Level{}, []Account{at("root", "::1")}), "disk")
	require.Equal(t, before, m.Users())
}

func TestPrivNames(t *testing.T) {
	for p := range privEnd {
		got, ok := ParsePriv(strings.ToLower(p.String()))
		require.True(t, ok)
		require.Equal(t, p, got)
		require.Equal(t, p >= firstDynamic, strings.Contains(p.String(), "_"), p)
	}
	require.Equal(t, "UNKNOWN", fmt.Sprint(privEnd))
}

func FuzzWildMatch(f *testing.F) {
	f.Add("a%b_", "axxb1")
	f.Add(`\%`, "%")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if !strings.ContainsAny(pattern, `%_\`) && wildMatch(pattern, s) != (pattern == s) {
			t.Fatal("a pattern without wildcards is itself")
		}
		if !wildMatch("%"+pattern+"%", s) && wildMatch(pattern, s) {
			t.Fatal("% takes nothing")
		}
	})
}

// chargedStore grants up to limit bytes.
type chargedStore struct {
	MemStore
	used, limit int64
}

func (s *chargedStore) Reserve(n int64) error {
	if s.used+n > s.limit {
		return errors.New("full")
	}
	s.used += n
	return nil
}

func (s *chargedStore) Release(n int64) { s.used -= n }

// The store's charge is that of the accounts that there are, whatever way they came to be.
func TestAccountsAreCharged(t *testing.T) {
	ctx := t.Context()
	store := &chargedStore{limit: 20 << 10}
	m := open(t, store)
	require.Positive(t, store.used)
	check := func() {
		t.Helper()
		var n int64
		for _, u := range m.Users() {
			n += u.heapBytes()
		}
		require.Equal(t, n, store.used)
	}
	check()
	empty := store.used
	var accounts []Account
	for {
		a := at(fmt.Sprintf("user%d", len(accounts)), "%")
		_, err := m.CreateUser(ctx, []UserSpec{{Account: a, Comment: ptr("a comment")}}, false)
		check()
		if err != nil {
			require.EqualError(t, err, "full")
			_, ok := m.Lookup(a)
			require.False(t, ok)
			break
		}
		accounts = append(accounts, a)
	}
	require.Greater(t, len(accounts), 10)
	_, err := m.DropUser(ctx, accounts[5:10], false)
	require.NoError(t, err)
	check()
	level := Level{DB: "d", Table: "t"}
	require.NoError(t, m.Grant(ctx, NewSet(Select), false, level, accounts[:1]))
	require.NoError(t, m.Grant(ctx, NewSet(Insert), false, Level{DB: "d"}, accounts[:2]))
	check()
	reopened := &chargedStore{limit: store.used}
	reopened.m = store.m
	open(t, reopened)
	require.Equal(t, store.used, reopened.used)
	_, err = New(ctx, Options{Store: &chargedStore{limit: store.used - 1, MemStore: MemStore{m: store.m}}})
	require.EqualError(t, err, "full")

	require.NoError(t, m.RevokeAll(ctx, accounts[:2]))
	_, err = m.DropUser(ctx, append(accounts[:5:5], accounts[10:]...), false)
	require.NoError(t, err)
	check()
	require.Equal(t, empty, store.used)
}
