// Package types owns MySQL's data types and their values.
package types
