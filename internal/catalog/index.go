package catalog

import (
	"iter"
	"slices"
	"sort"
)

// index is a list of things by name, in order. It is never changed: with and without return another one, which shares
// all but one chunk with it. So a change copies little, however many things there are, and a snapshot that is kept
// costs what was changed since.
type index[V any] struct {
	chunks [][]entry[V] // none of them empty
	n      int
}

type entry[V any] struct {
	name  string
	value V
}

// chunkMax is the most entries of a chunk: 1.5 KiB.
const chunkMax = 64

// entryBytes is what an entry takes at most: itself, and its chunk's place.
const entryBytes = 24 + 24

// place returns the chunk that has, or would have, the name, and the place in it.
func (x *index[V]) place(name string) (chunk, at int, found bool) {
	chunk = max(sort.Search(len(x.chunks), func(i int) bool { return x.chunks[i][0].name > name })-1, 0)
	if len(x.chunks) == 0 {
		return 0, 0, false
	}
	c := x.chunks[chunk]
	at = sort.Search(len(c), func(i int) bool { return c[i].name >= name })
	return chunk, at, at < len(c) && c[at].name == name
}

// get returns what has the name, or the zero V.
func (x *index[V]) get(name string) (v V) {
	if chunk, at, found := x.place(name); found {
		return x.chunks[chunk][at].value
	}
	return v
}

// with returns an index that has v under name as well, or instead.
func (x index[V]) with(name string, v V) index[V] {
	chunk, at, found := x.place(name)
	e := entry[V]{name, v}
	switch {
	case len(x.chunks) == 0:
		return index[V]{[][]entry[V]{{e}}, 1}
	case found:
		c := slices.Clone(x.chunks[chunk])
		c[at] = e
		return index[V]{replace(x.chunks, chunk, 1, c), x.n}
	}
	old := x.chunks[chunk]
	c := make([]entry[V], 0, len(old)+1)
	c = append(append(append(c, old[:at]...), e), old[at:]...)
	if len(c) <= chunkMax {
		return index[V]{replace(x.chunks, chunk, 1, c), x.n + 1}
	}
	half := len(c) / 2
	return index[V]{replace(x.chunks, chunk, 1, exact(c[:half]), exact(c[half:])), x.n + 1}
}

// without returns an index that does not have the name.
func (x index[V]) without(name string) index[V] {
	chunk, at, found := x.place(name)
	if !found {
		return x
	}
	old := x.chunks[chunk]
	c := append(exact(old[:at]), old[at+1:]...)
	switch {
	case len(c) == 0:
		return index[V]{replace(x.chunks, chunk, 1), x.n - 1}
	case chunk+1 < len(x.chunks) && len(c)+len(x.chunks[chunk+1]) <= chunkMax/2:
		c = append(c, x.chunks[chunk+1]...)
		return index[V]{replace(x.chunks, chunk, 2, exact(c)), x.n - 1}
	}
	return index[V]{replace(x.chunks, chunk, 1, exact(c)), x.n - 1}
}

// replace returns the chunks with some others in the place of n of them.
func replace[V any](chunks [][]entry[V], at, n int, by ...[]entry[V]) [][]entry[V] {
	out := make([][]entry[V], 0, len(chunks)-n+len(by))
	return append(append(append(out, chunks[:at]...), by...), chunks[at+n:]...)
}

// exact is a copy without room to grow.
func exact[V any](c []entry[V]) []entry[V] { return append(make([]entry[V], 0, len(c)), c...) }

// all yields everything in the order of names.
func (x *index[V]) all() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, c := range x.chunks {
			for i := range c {
				if !yield(c[i].name, c[i].value) {
					return
				}
			}
		}
	}
}
