// Package infoschema owns the virtual tables of information_schema and performance_schema: their columns, and where
// their rows come from. It keeps nothing; a scan reads the registries as they are.
package infoschema
