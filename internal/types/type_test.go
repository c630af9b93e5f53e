package types

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/types/collation"
)

var members = NewMembers("small", "it's", "Large")

func TestTypeString(t *testing.T) {
	zerofill := NewInteger(Int, true)
	zerofill.ZeroFill, zerofill.Length = true, 5
	fixed := NewDouble()
	fixed.Precision, fixed.Scale = 8, 3
	for _, c := range []struct {
		t    Type
		want string
		phys Phys
		show int
	}{
		{NewInt(), "int", PhysInt64, 11},
		{NewUInt(), "int unsigned", PhysUint64, 10},
		{NewUBigInt(), "bigint unsigned", PhysUint64, 20},
		{NewBool(), "bigint", PhysInt64, 1},
		{NewTinyInt(), "tinyint", PhysInt64, 4},
		{NewInteger(MediumInt, true), "mediumint unsigned", PhysUint64, 8},
		{zerofill, "int(5) unsigned zerofill", PhysUint64, 5},
		{NewFloat(), "float", PhysFloat64, 12},
		{NewDouble(), "double", PhysFloat64, 22},
		{fixed, "double(8,3)", PhysFloat64, 8},
		{NewDecimal(10, 2), "decimal(10,2)", PhysDecimal, 12},
		{NewDecimal(70, 40), "decimal(65,30)", PhysDecimal, 67},
		{NewDate(), "date", PhysInt64, 10},
		{NewDateTime(6), "datetime(6)", PhysInt64, 26},
		{NewDateTime(0), "datetime", PhysInt64, 19},
		{NewTimestamp(3), "timestamp(3)", PhysInt64, 23},
		{NewTime(0), "time", PhysInt64, 10},
		{NewYear(), "year", PhysInt64, 4},
		{NewChar(5, collation.Default), "char(5)", PhysString, 5},
		{NewVarChar(20, collation.Default), "varchar(20)", PhysString, 20},
		{NewBinary(3), "binary(3)", PhysString, 3},
		{NewVarBinary(3), "varbinary(3)", PhysString, 3},
		{NewText(Text, collation.Default), "text", PhysString, 65535},
		{NewBlob(TinyBlob), "tinyblob", PhysString, 255},
		{NewEnum(members, collation.Default), "enum('small','it''s','Large')", PhysUint64, 5},
		{NewSet(members, collation.Default), "set('small','it''s','Large')", PhysUint64, 16},
		{NewBit(9), "bit(9)", PhysUint64, 9},
		{NewJSON(), "json", PhysString, MaxLongBlob},
		{NewNull(), "null", PhysInt64, 0},
	} {
		require.Equal(t, c.want, c.t.String())
		require.Equal(t, c.phys, c.t.Phys(), c.want)
		require.Equal(t, c.show, c.t.DisplayLength(), c.want)
	}
	require.Equal(t, []int{0, 8, 8, 8, 32, 16}, []int{PhysNull.Width(), PhysInt64.Width(), PhysUint64.Width(),
		PhysFloat64.Width(), PhysDecimal.Width(), PhysString.Width()})
	for id := range idEnd {
		got, ok := ParseID(id.String())
		require.True(t, ok)
		require.Equal(t, id, got)
	}
	require.Equal(t, "unknown", idEnd.String())
	_, ok := ParseID("point")
	require.False(t, ok)
}

func TestTypePredicates(t *testing.T) {
	require.True(t, NewInt().IsInteger() && NewInt().IsNumeric() && !NewInt().IsString())
	require.True(t, NewBit(1).IsNumeric() && NewYear().IsNumeric() && !NewYear().IsInteger())
	require.True(t, NewTime(0).IsTemporal() && !NewTime(0).HasDate() && NewDate().HasDate() && !NewYear().IsTemporal())
	require.True(t, NewBlob(Blob).IsBlob() && NewBlob(Blob).IsBinaryString() && !NewJSON().IsString())
	require.True(t, NewEnum(members, 45).Equal(NewEnum(NewMembers("small", "it's", "Large"), 45)))
	require.False(t, NewEnum(members, 45).Equal(NewEnum(NewMembers("small"), 45)))
	require.False(t, NewInt().Equal(NewInt().WithNullable(false)))
	require.Equal(t, 80, NewVarChar(20, collation.UTF8MB4Bin).MaxBytes())
	require.Equal(t, 20, NewVarBinary(20).MaxBytes())
	require.Equal(t, 2, members.Find(collation.Default, []byte("LARGE ")))
	require.Equal(t, -1, members.Find(collation.UTF8MB4Bin, []byte("LARGE")))
	require.Equal(t, "", members.Name(3))
}

func TestProtocolType(t *testing.T) {
	for _, c := range []struct {
		t      Type
		byte   ProtocolByte
		flags  uint16
		length uint32
		dec    uint8
		coll   collation.ID
	}{
		{NewInt().WithNullable(false), ProtocolLong, FlagNotNull | FlagBinary, 11, 0, collation.Binary},
		{NewUBigInt(), ProtocolLongLong, FlagUnsigned | FlagBinary, 20, 0, collation.Binary},
		{NewDouble(), ProtocolDouble, FlagBinary, 22, NotFixed, collation.Binary},
		{NewDecimal(10, 2), ProtocolNewDecimal, FlagBinary, 12, 2, collation.Binary},
		{NewVarChar(20, collation.Default), ProtocolVarString, 0, 80, 0, collation.Default},
		{NewVarChar(20, collation.UTF8MB4Bin), ProtocolVarString, FlagBinary, 80, 0, collation.UTF8MB4Bin},
		{NewVarChar(20, collation.Latin1SwedishCI), ProtocolVarString, 0, 20, 0, collation.Latin1SwedishCI},
		{NewVarBinary(20), ProtocolVarString, FlagBinary, 20, 0, collation.Binary},
		{NewChar(2, collation.Default), ProtocolString, 0, 8, 0, collation.Default},
		{NewText(Text, collation.Default), ProtocolBlob, FlagBlob, 65535 * 4, 0, collation.Default},
		{NewBlob(Blob), ProtocolBlob, FlagBlob | FlagBinary, 65535, 0, collation.Binary},
		{NewText(LongText, collation.Default), ProtocolBlob, FlagBlob, 4294967295, 0, collation.Default},
		{NewEnum(members, collation.Default), ProtocolString, FlagEnum, 20, 0, collation.Default},
		{NewSet(members, collation.Default), ProtocolString, FlagSet, 64, 0, collation.Default},
		{NewDateTime(6), ProtocolDateTime, FlagBinary, 26, 6, collation.Binary},
		{NewJSON(), ProtocolJSON, FlagBlob | FlagBinary, 4294967295, 0, collation.Binary},
		{NewNull(), ProtocolNull, FlagBinary, 0, 0, collation.Binary},
		{NewYear(), ProtocolYear, FlagUnsigned | FlagZeroFill | FlagBinary, 4, 0, collation.Binary},
	} {
		p := c.t.ProtocolType(0)
		require.Equal(t, ProtocolType{c.byte, c.flags, c.length, c.dec, c.coll}, p, c.t.String())
	}
	// Sent in another charset, strings have its collation and length.
	p := NewVarChar(20, collation.UTF8MB4Bin).ProtocolType(collation.Latin1SwedishCI)
	require.Equal(t, collation.Latin1SwedishCI, p.Collation)
	require.EqualValues(t, 20, p.Length)
}

func TestSQLMode(t *testing.T) {
	require.Equal(t, "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"+
		"NO_ENGINE_SUBSTITUTION", ModeDefault.String())
	m, err := ParseSQLMode("ansi, TRADITIONAL")
	require.NoError(t, err)
	require.Equal(t, "REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ONLY_FULL_GROUP_BY,ANSI,"+
		"STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,TRADITIONAL,"+
		"NO_ENGINE_SUBSTITUTION",
		m.String())
	m, err = ParseSQLMode("")
	require.NoError(t, err)
	require.Zero(t, m)
	require.False(t, m.Strict())
	_, err = ParseSQLMode("NO_AUTO_CREATE_USER")
	require.EqualError(t, err, "Variable 'sql_mode' can't be set to the value of 'NO_AUTO_CREATE_USER'")
	m, err = SQLModeFromNumber(uint64(ModeDefault))
	require.NoError(t, err)
	require.Equal(t, ModeDefault, m)
	require.EqualValues(t, 1436549152-1<<28, uint64(m), "the number MySQL 5.7 shows, without NO_AUTO_CREATE_USER")
	_, err = SQLModeFromNumber(1 << 60)
	require.Error(t, err)
}
