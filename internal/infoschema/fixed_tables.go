package infoschema

import (
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// typeColumns describe the type of a parameter or of a function's result.
const typeColumns = "CHARACTER_MAXIMUM_LENGTH i, CHARACTER_OCTET_LENGTH i, NUMERIC_PRECISION u, NUMERIC_SCALE i, " +
	"DATETIME_PRECISION u, CHARACTER_SET_NAME s, COLLATION_NAME s, DTD_IDENTIFIER l, "

// fixedTables do not change, or are always empty: what they list does not exist here.
// lint:long tables
var fixedTables = []definition{
	{is, "CHARACTER_SETS", "CHARACTER_SET_NAME s, DEFAULT_COLLATE_NAME s, DESCRIPTION l, MAXLEN u", characterSets},
	{is, "COLLATIONS", "COLLATION_NAME s, CHARACTER_SET_NAME s, ID u, IS_DEFAULT s, IS_COMPILED s, SORTLEN u, " +
		"PAD_ATTRIBUTE s", collations},
	{is, "COLLATION_CHARACTER_SET_APPLICABILITY", "COLLATION_NAME s, CHARACTER_SET_NAME s", applicability},
	{is, "ENGINES", "ENGINE s, SUPPORT s, COMMENT s, TRANSACTIONS s, XA s, SAVEPOINTS s", engines},
	{is, "PLUGINS", "PLUGIN_NAME s, PLUGIN_VERSION s, PLUGIN_STATUS s, PLUGIN_TYPE s, PLUGIN_TYPE_VERSION s, " +
		"PLUGIN_LIBRARY s, PLUGIN_LIBRARY_VERSION s, PLUGIN_AUTHOR s, PLUGIN_DESCRIPTION l, PLUGIN_LICENSE s, " +
		"LOAD_OPTION s", nil},
	{is, "ROUTINES", "SPECIFIC_NAME s, ROUTINE_CATALOG s, ROUTINE_SCHEMA s, ROUTINE_NAME s, ROUTINE_TYPE s, DATA_TYPE l, " +
		typeColumns + "ROUTINE_BODY s, ROUTINE_DEFINITION l, EXTERNAL_NAME l, EXTERNAL_LANGUAGE s, PARAMETER_STYLE s, " +
		"IS_DETERMINISTIC s, SQL_DATA_ACCESS s, SQL_PATH s, SECURITY_TYPE s, CREATED t, " +
		"LAST_ALTERED t, SQL_MODE s, ROUTINE_COMMENT l, DEFINER s, CHARACTER_SET_CLIENT s, COLLATION_CONNECTION s, " +
		"DATABASE_COLLATION s", nil},
	{is, "PARAMETERS", "SPECIFIC_CATALOG s, SPECIFIC_SCHEMA s, SPECIFIC_NAME s, ORDINAL_POSITION u, PARAMETER_MODE s, " +
		"PARAMETER_NAME s, DATA_TYPE l, " + typeColumns + "ROUTINE_TYPE s", nil},
	{is, "TRIGGERS", "TRIGGER_CATALOG s, TRIGGER_SCHEMA s, TRIGGER_NAME s, EVENT_MANIPULATION s, EVENT_OBJECT_CATALOG s, " +
		"EVENT_OBJECT_SCHEMA s, EVENT_OBJECT_TABLE s, ACTION_ORDER u, ACTION_CONDITION l, ACTION_STATEMENT l, " +
		"ACTION_ORIENTATION s, ACTION_TIMING s, ACTION_REFERENCE_OLD_TABLE s, ACTION_REFERENCE_NEW_TABLE s, " +
		"ACTION_REFERENCE_OLD_ROW s, ACTION_REFERENCE_NEW_ROW s, CREATED t, SQL_MODE s, DEFINER s, CHARACTER_SET_CLIENT s, COLLATION_CONNECTION s, " +
		"DATABASE_COLLATION s", nil},
	{is, "EVENTS", "EVENT_CATALOG s, EVENT_SCHEMA s, EVENT_NAME s, DEFINER s, TIME_ZONE s, EVENT_BODY s, " +
		"EVENT_DEFINITION l, EVENT_TYPE s, EXECUTE_AT t, INTERVAL_VALUE s, INTERVAL_FIELD s, SQL_MODE s, STARTS t, " +
		"ENDS t, STATUS s, ON_COMPLETION s, CREATED t, LAST_ALTERED t, LAST_EXECUTED t, EVENT_COMMENT l, " +
		"ORIGINATOR u, CHARACTER_SET_CLIENT s, COLLATION_CONNECTION s, DATABASE_COLLATION s", nil},
	{is, "PARTITIONS", "TABLE_CATALOG s, TABLE_SCHEMA s, TABLE_NAME s, PARTITION_NAME s, SUBPARTITION_NAME s, " +
		"PARTITION_ORDINAL_POSITION u, SUBPARTITION_ORDINAL_POSITION u, PARTITION_METHOD s, SUBPARTITION_METHOD s, " +
		"PARTITION_EXPRESSION l, SUBPARTITION_EXPRESSION l, PARTITION_DESCRIPTION l, TABLE_ROWS u, AVG_ROW_LENGTH u, " +
		"DATA_LENGTH u, MAX_DATA_LENGTH u, INDEX_LENGTH u, DATA_FREE u, CREATE_TIME d, UPDATE_TIME d, CHECK_TIME d, " +
		"CHECKSUM i, PARTITION_COMMENT l, NODEGROUP s, TABLESPACE_NAME s", nil},
	{is, "REFERENTIAL_CONSTRAINTS", "CONSTRAINT_CATALOG s, CONSTRAINT_SCHEMA s, CONSTRAINT_NAME s, " +
		"UNIQUE_CONSTRAINT_CATALOG s, UNIQUE_CONSTRAINT_SCHEMA s, UNIQUE_CONSTRAINT_NAME s, MATCH_OPTION s, UPDATE_RULE s, " +
		"DELETE_RULE s, TABLE_NAME s, REFERENCED_TABLE_NAME s", nil},
	{is, "CHECK_CONSTRAINTS", "CONSTRAINT_CATALOG s, CONSTRAINT_SCHEMA s, CONSTRAINT_NAME s, CHECK_CLAUSE l", nil},
	{is, "FILES", "FILE_ID i, FILE_NAME l, FILE_TYPE s, TABLESPACE_NAME s, TABLE_CATALOG s, TABLE_SCHEMA s, TABLE_NAME s, " +
		"LOGFILE_GROUP_NAME s, LOGFILE_GROUP_NUMBER i, ENGINE s, FREE_EXTENTS i, TOTAL_EXTENTS i, EXTENT_SIZE i, " +
		"INITIAL_SIZE i, MAXIMUM_SIZE i, AUTOEXTEND_SIZE i, STATUS s, EXTRA l", nil},
	{is, "COLUMN_STATISTICS", "SCHEMA_NAME s, TABLE_NAME s, COLUMN_NAME s, HISTOGRAM l", nil},
	{is, "KEYWORDS", "WORD s, RESERVED i", nil},
}

func characterSets(r *request) error {
	for _, c := range collation.Charsets() {
		if err := r.row(c.Name, collation.Name(c.Default), c.Description, c.MaxWidth); err != nil {
			return err
		}
	}
	return nil
}

func collations(r *request) error {
	for _, c := range collation.All() {
		isDefault, pad := "", "NO PAD"
		if id, ok := collation.DefaultOf(collation.Charset(c.ID)); ok && id == c.ID {
			isDefault = "Yes"
		}
		if collation.PadSpace(c.ID) {
			pad = "PAD SPACE"
		}
		err := r.row(collation.Name(c.ID), collation.Charset(c.ID), int(c.ID), isDefault, "Yes", 1, pad)
		if err != nil {
			return err
		}
	}
	return nil
}

func applicability(r *request) error {
	for _, c := range collation.All() {
		if err := r.row(collation.Name(c.ID), collation.Charset(c.ID)); err != nil {
			return err
		}
	}
	return nil
}

func engines(r *request) error {
	return r.row("InnoDB", "DEFAULT", "Transactions, row locks, clustered keys, on an embedded log-structured store",
		"YES", "NO", "YES")
}
