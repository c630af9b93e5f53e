package collation

// ID is MySQL's number of a collation, as in the protocol and information_schema.collations.
type ID uint16

// The collations that the server itself names. All others are found by ByName.
const (
	Latin1SwedishCI  ID = 8
	ASCIIGeneralCI   ID = 11
	GBKChineseCI     ID = 28
	UTF8MB3GeneralCI ID = 33
	UTF8MB4GeneralCI ID = 45
	UTF8MB4Bin       ID = 46
	Latin1Bin        ID = 47
	Binary           ID = 63
	ASCIIBin         ID = 65
	UTF8MB3Bin       ID = 83
	UTF8MB4UnicodeCI ID = 224
	UTF8MB40900AICI  ID = 255
	UTF8MB40900ASCS  ID = 278
	UTF8MB40900ASCI  ID = 305
	UTF8MB40900Bin   ID = 309

	// Default is the collation of utf8mb4, the server's charset.
	Default = UTF8MB40900AICI
)

// String is the collation's name, "" for unknown IDs.
func (id ID) String() string { return Name(id) }
