package scan

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"unsafe"

	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// The most index entries whose rows are read in one pass: within the minimum, and with a lease, which is only worth its
// room if there are many. The more there are the nearer to each other are their rows: a block that is read has some.
const (
	keyPairs   = 512
	mostPairs  = 12 << 10
	growPairs  = 4
	leaseBytes = 1 << 20
)

// fetch reads the rows that entries of an index name, a page of entries at a time: in one pass over the rows, in the
// order of their keys, and not in that of the entries.
type fetch struct {
	t       *Table
	small   pairPage // of entries, held
	list    []rowKey // room for the keys of small's entries
	large   pairPage // of entries, leased; its keys are in the same page
	wanted  int      // entries of the next page
	entries filler
	keys    rowKeys     // of the page's entries
	rows    kv.Iterator // of the keys' rows; nil: between pages
	found   int         // rows read of them
}

func (f *fetch) open() error {
	f.keys.prefix, f.wanted = f.t.codec.RowPrefix(), keyPairs
	f.list = make([]rowKey, keyPairs)
	return f.small.open(f.t.o.Account, keysPageBytes, keyPairs)
}

func (f *fetch) fill(ctx context.Context, p *pairPage, maxPairs int) (bool, error) {
	for {
		if f.rows == nil {
			if ok, err := f.more(ctx); err != nil || !ok {
				return false, err
			}
		}
		ok, err := f.rows.NextBatch(ctx, &p.pairs, maxPairs)
		if err != nil {
			return false, err
		}
		for i := range p.pairs.N {
			if int(p.pairs.Of[i]) != f.found {
				return false, f.lost()
			}
			p.pairs.Of[i] = f.keys.list[f.found].of
			f.found++
		}
		if ok {
			return true, nil
		}
		if f.found < f.keys.Len() {
			return false, f.lost()
		}
		if err := f.closeRows(); err != nil {
			return false, err
		}
	}
}

// lost is the error of an entry whose row is not there.
func (f *fetch) lost() error { return sqlerr.New(sqlerr.ErrKeyNotFound, f.t.o.Node.Table.Name) }

// more reads the next entries and begins with their rows; false: there are none.
func (f *fetch) more(ctx context.Context) (bool, error) {
	page, list := f.page()
	page.release()
	ok, err := f.entries.fill(ctx, page, min(f.wanted, len(list)))
	if err != nil || !ok {
		f.large.close()
		return false, err
	}
	p := &page.pairs
	all := p.Bytes()
	for i := range p.N {
		k, err := primaryOf(f.t.codec, f.t.o.Node.Index, p.Key(i), p.Value(i))
		if err != nil {
			return false, err
		}
		list[i] = rowKey{prefix: prefixOf(k), at: offsetIn(all, k), size: uint32(len(k)), of: p.Of[i]}
	}
	f.keys.bytes, f.keys.list, f.found = all, list[:p.N], 0
	f.keys.sort()
	if p.N >= f.wanted/growPairs { // there are many, as it seems
		f.wanted = min(f.wanted*growPairs, mostPairs)
	}
	f.rows, err = f.t.reader.ScanSpans(f.t.o.Account, &f.keys, kv.ScanOptions{First: 1})
	return err == nil, err
}

// page is where the next entries go, and the room for their keys.
func (f *fetch) page() (*pairPage, []rowKey) {
	acct := f.t.o.Account
	if acct.Revoked() {
		f.large.close()
		return &f.small, f.list
	}
	const each = int(unsafe.Sizeof(rowKey{})) + 3*4
	if f.large.page == (memory.Page{}) {
		if f.wanted <= keyPairs {
			return &f.small, f.list
		}
		page, err := acct.Alloc(leaseBytes, memory.Leased)
		if err != nil { // surplus is refused: there are fewer entries
			return &f.small, f.list
		}
		at := page.Ref + leaseBytes - memory.Ref(mostPairs*each)
		base := acct.Base()
		f.large = pairPage{acct: acct, page: page}
		f.large.pairs = kv.Pairs{
			Buf:  memory.Bytes(base, page.Ref, leaseBytes-mostPairs*each),
			Ends: memory.Slice[int32](base, at+memory.Ref(mostPairs*unsafe.Sizeof(rowKey{})), 2*mostPairs),
			Of:   memory.Slice[int32](base, at+memory.Ref(mostPairs*(unsafe.Sizeof(rowKey{})+2*4)), mostPairs),
		}
		f.large.pairs.Large = f.large.grow
	}
	at := f.large.page.Ref + leaseBytes - memory.Ref(mostPairs*each)
	return &f.large, memory.Slice[rowKey](acct.Base(), at, mostPairs)
}

func (f *fetch) pause() error {
	err := f.entries.pause()
	if f.rows != nil {
		err = errors.Join(err, f.rows.Pause())
	}
	return err
}

func (f *fetch) closeRows() error {
	if f.rows == nil {
		return nil
	}
	it := f.rows
	f.rows = nil
	return it.Close()
}

func (f *fetch) close() error {
	err := errors.Join(f.closeRows(), f.entries.close())
	f.small.close()
	f.large.close()
	return err
}

var _ filler = (*fetch)(nil)

// rowKey is the key of a row without prefix, and the span of a look-up that its entry is of.
type rowKey struct {
	prefix uint64 // its first bytes, which order as it does
	at     uint32 // in the page of entries
	size   uint32
	of     int32
}

// prefixOf is the first eight bytes as a number.
func prefixOf(key []byte) uint64 {
	var p [8]byte
	copy(p[:], key)
	return binary.BigEndian.Uint64(p[:])
}

// offsetIn is where part, which lies in all, begins.
func offsetIn(all, part []byte) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(unsafe.SliceData(all))))
}

// rowKeys are the keys of a page's entries as spans.
type rowKeys struct {
	prefix []byte
	bytes  []byte // of the page
	list   []rowKey
	span   kv.Span
}

var _ kv.Spans = (*rowKeys)(nil)

func (k *rowKeys) key(r rowKey) []byte { return k.bytes[r.at : r.at+r.size] }

func (k *rowKeys) sort() {
	slices.SortFunc(k.list, func(a, b rowKey) int {
		if c := cmp.Compare(a.prefix, b.prefix); c != 0 || a.size <= 8 && b.size <= 8 {
			return cmp.Or(c, cmp.Compare(a.size, b.size))
		}
		return bytes.Compare(k.key(a), k.key(b))
	})
}

// Len implements kv.Spans.
func (k *rowKeys) Len() int { return len(k.list) }

// Span implements kv.Spans.
func (k *rowKeys) Span(i int) kv.Span {
	k.span.Start = append(append(k.span.Start[:0], k.prefix...), k.key(k.list[i])...)
	k.span.End = append(append(k.span.End[:0], k.span.Start...), 0)
	return k.span
}
