package privilege

import (
	"strings"
	"unsafe"
)

// pack returns a copy of u that keeps no statement's text alive, of which its strings may be parts, and has no room to
// grow.
func (u *User) pack() *User {
	p := *u
	p.User, p.Host, p.Plugin = strings.Clone(u.User), strings.Clone(u.Host), strings.Clone(u.Plugin)
	p.AuthString, p.Comment = strings.Clone(u.AuthString), strings.Clone(u.Comment)
	p.DBs, p.Tables = make([]DBGrant, len(u.DBs)), make([]TableGrant, len(u.Tables))
	for i, g := range u.DBs {
		p.DBs[i] = DBGrant{strings.Clone(g.DB), g.Privs}
	}
	for i, g := range u.Tables {
		p.Tables[i] = TableGrant{strings.Clone(g.DB), strings.Clone(g.Table), g.Privs}
	}
	return &p
}

// Bytes that an account takes besides what it owns: its place in a table, and the server's cache of its password.
const (
	placeBytes  = 96
	digestBytes = 160
	// stringBytes is what the allocator adds to a string.
	stringBytes = 16
)

// heapBytes is what a packed account takes of the heap.
func (u *User) heapBytes() int64 {
	n := int(unsafe.Sizeof(*u)) + placeBytes + digestBytes + 5*stringBytes +
		len(u.User) + len(u.Host) + len(u.Plugin) + len(u.AuthString) + len(u.Comment)
	for i := range u.DBs {
		n += int(unsafe.Sizeof(u.DBs[i])) + stringBytes + len(u.DBs[i].DB)
	}
	for i := range u.Tables {
		n += int(unsafe.Sizeof(u.Tables[i])) + 2*stringBytes + len(u.Tables[i].DB) + len(u.Tables[i].Table)
	}
	return int64(n)
}
