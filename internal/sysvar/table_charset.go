package sysvar

import (
	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// charsetTable: character sets and collations. Pairs of them follow each other (see linked).
var charsetTable = []Var{
	text("character_set_client", both, "utf8mb4").checked(validateClientCharset),
	text("character_set_connection", both, "utf8mb4").checked(validateCharset),
	text("character_set_database", both, "utf8mb4").checked(validateCharset),
	text("character_set_filesystem", both, "binary").checked(validateCharset),
	text("character_set_results", both, "utf8mb4").checked(validateCharset).nullable(),
	text("character_set_server", both, "utf8mb4").checked(validateCharset),
	text("character_set_system", readOnly, "utf8mb3"),
	text("character_sets_dir", readOnly, "/usr/share/mysql-8.0/charsets/"),
	text("collation_connection", both, "utf8mb4_0900_ai_ci").checked(validateCollation),
	text("collation_database", both, "utf8mb4_0900_ai_ci").checked(validateCollation),
	text("collation_server", both, "utf8mb4_0900_ai_ci").checked(validateCollation),
	enum("default_collation_for_utf8mb4", both, "utf8mb4_0900_ai_ci", "utf8mb4_0900_ai_ci", "utf8mb4_general_ci"),
}

// linked pairs change together: a charset sets its default collation, a collation its charset.
var linked = map[string]string{
	"character_set_connection": "collation_connection",
	"character_set_database":   "collation_database",
	"character_set_server":     "collation_server",
	"collation_connection":     "character_set_connection",
	"collation_database":       "character_set_database",
	"collation_server":         "character_set_server",
}

// linkedValue computes the other half of a pair.
func linkedValue(name, value string) (other, otherValue string, ok bool) {
	switch {
	case name == "super_read_only" && value == "ON":
		return "read_only", value, true
	case name == "read_only" && value == "OFF":
		return "super_read_only", value, true
	}
	other, ok = linked[name]
	if !ok {
		return "", "", false
	}
	if id, isCollation := collation.ByName(value); isCollation && name[:9] == "collation" {
		return other, collation.Charset(id), true
	}
	id, ok := collation.DefaultOf(value)
	return other, collation.Name(id), ok
}

func validateCharset(value string) (string, error) {
	cs, ok := collation.CharsetByName(value)
	if !ok {
		return "", sqlerr.New(sqlerr.ErrUnknownCharacterSet, value)
	}
	return cs.Name, nil
}

// validateClientCharset refuses charsets in which statements cannot be read.
func validateClientCharset(value string) (string, error) {
	name, err := validateCharset(value)
	switch name {
	case "ucs2", "utf16", "utf16le", "utf32":
		return "", sqlerr.New(sqlerr.ErrWrongValueForVar, "character_set_client", value)
	}
	return name, err
}

func validateCollation(value string) (string, error) {
	id, ok := collation.ByName(value)
	if !ok {
		return "", sqlerr.New(sqlerr.ErrUnknownCollation, value)
	}
	return collation.Name(id), nil
}
