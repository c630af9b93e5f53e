package privilege

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// keyPrefix begins the keys of accounts in the store: "user/" user NUL host.
const keyPrefix = "user/"

// Options wire a Manager.
type Options struct {
	Store Store // required
	// Plugin is default_authentication_plugin, for accounts created without one; "": caching_sha2_password.
	Plugin string
}

// Manager holds all accounts. Safe for concurrent use.
type Manager struct {
	store  Store
	plugin string

	now atomic.Pointer[table]

	mu sync.Mutex // serializes changes
}

// table is all accounts at one moment. Immutable.
type table struct {
	byAccount map[Account]*User
	ordered   []*User // in the order in which clients are matched
}

// New reads the accounts of the store. An empty store gets root@localhost, root@127.0.0.1 and root@::1, with all
// privileges and without a password.
func New(ctx context.Context, o Options) (*Manager, error) {
	if o.Plugin == "" {
		o.Plugin = CachingSHA2
	}
	m := &Manager{store: o.Store, plugin: o.Plugin}
	m.now.Store(&table{})
	entries, err := o.Store.List(ctx, keyPrefix)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return m, m.change(ctx, func(d *draft) error {
			for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
				d.put(&User{Account: Account{"root", host}, Plugin: m.plugin, Global: AllGlobal | NewSet(GrantOption)})
			}
			return nil
		})
	}
	users := make(map[Account]*User, len(entries))
	for _, e := range entries {
		u, err := decodeUser(e.Value)
		if err != nil {
			return nil, err
		}
		u = u.pack()
		if err := m.store.Reserve(u.heapBytes()); err != nil {
			return nil, err
		}
		users[u.Account] = u
	}
	m.now.Store(newTable(users))
	return m, nil
}

func newTable(users map[Account]*User) *table {
	t := &table{byAccount: users, ordered: make([]*User, 0, len(users))}
	for _, u := range users {
		t.ordered = append(t.ordered, u)
	}
	slices.SortFunc(t.ordered, func(a, b *User) int {
		return cmp.Or(
			cmp.Compare(specificity(b.Host), specificity(a.Host)),
			cmp.Compare(len(b.Host), len(a.Host)), // the longer pattern of two with equal literal starts
			cmp.Compare(min(len(b.User), 1), min(len(a.User), 1)),
			cmp.Compare(a.Host, b.Host),
			cmp.Compare(a.User, b.User),
		)
	})
	return t
}

// Match finds the account of a client: the first in MySQL's order whose user is the client's, or anonymous, and whose
// host pattern fits the client's name or address.
func (m *Manager) Match(user, host, ip string) (*User, bool) {
	for _, u := range m.now.Load().ordered {
		if (u.User == user || u.User == "") && hostMatches(u.Host, host, ip) {
			return u, true
		}
	}
	return nil, false
}

// Lookup finds an account by its name.
func (m *Manager) Lookup(a Account) (*User, bool) {
	u, ok := m.now.Load().byAccount[a.normal()]
	return u, ok
}

// Users returns all accounts, in order of user and host.
func (m *Manager) Users() []*User {
	list := slices.Clone(m.now.Load().ordered)
	slices.SortFunc(list, func(a, b *User) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Host, b.Host))
	})
	return list
}

// DefaultPlugin is that of accounts created without one.
func (m *Manager) DefaultPlugin() string { return m.plugin }

// draft collects one statement's changes over the present table: all of them happen or none.
type draft struct {
	m       *Manager
	users   map[Account]*User
	changed map[Account]bool
}

func (d *draft) get(a Account) (*User, bool) {
	u, ok := d.users[a]
	return u, ok
}

func (d *draft) put(u *User) {
	u = u.pack()
	d.users[u.Account], d.changed[u.Account] = u, true
}

func (d *draft) remove(a Account) {
	delete(d.users, a)
	d.changed[a] = true
}

// change runs f on a draft, stores what it changed and then shows it to readers. What accounts take of the heap is
// reserved before they are stored.
func (m *Manager) change(ctx context.Context, f func(*draft) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now.Load().byAccount
	d := &draft{m: m, users: make(map[Account]*User, len(now)+1), changed: map[Account]bool{}}
	maps.Copy(d.users, now)
	if err := f(d); err != nil {
		return err
	}
	var entries []Entry
	var grow int64
	for a := range d.changed {
		if old := now[a]; old != nil {
			grow -= old.heapBytes()
		}
		e := Entry{Key: keyPrefix + a.User + "\x00" + a.Host}
		if u, ok := d.users[a]; ok {
			grow += u.heapBytes()
			var err error
			if e.Value, err = u.encode(); err != nil {
				return err
			}
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Key, b.Key) })
	if grow > 0 {
		if err := m.store.Reserve(grow); err != nil {
			return err
		}
	}
	if err := m.store.Apply(ctx, entries...); err != nil {
		m.store.Release(max(grow, 0))
		return err
	}
	m.now.Store(newTable(d.users))
	m.store.Release(max(-grow, 0))
	return nil
}
