// Package stream owns the operators that keep no rows: filter, projection, limit, literal rows, queries as values, and
// the sink that hands rows to the client. Each needs a fixed number of pages a worker, whatever passes through it.
package stream
