package types

// ID names a MySQL data type, without its attributes.
type ID uint8

// The data types. Null is the type of the literal NULL. Values are ours and stay out of what is stored or sent: a
// descriptor stores the name, the protocol its own byte (Type.ProtocolType).
const (
	Null ID = iota
	TinyInt
	SmallInt
	MediumInt
	Int
	BigInt
	Float
	Double
	Decimal
	Date
	DateTime
	Timestamp
	Time
	Year
	Char
	VarChar
	Binary
	VarBinary
	TinyText
	Text
	MediumText
	LongText
	TinyBlob
	Blob
	MediumBlob
	LongBlob
	Enum
	Set
	Bit
	JSON
	idEnd
)

var idNames = [idEnd]string{
	"null", "tinyint", "smallint", "mediumint", "int", "bigint", "float", "double", "decimal", "date", "datetime",
	"timestamp", "time", "year", "char", "varchar", "binary", "varbinary", "tinytext", "text", "mediumtext", "longtext",
	"tinyblob", "blob", "mediumblob", "longblob", "enum", "set", "bit", "json",
}

// String is the name as information_schema.columns.data_type has it.
func (id ID) String() string {
	if id >= idEnd {
		return "unknown"
	}
	return idNames[id]
}

// ParseID is the inverse of ID.String.
func ParseID(name string) (ID, bool) {
	for id, n := range idNames {
		if n == name {
			return ID(id), true
		}
	}
	return Null, false
}
