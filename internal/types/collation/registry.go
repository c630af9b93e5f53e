package collation

import (
	"cmp"
	"slices"
	"strings"

	"vitess.io/vitess/go/mysql/collations"
	"vitess.io/vitess/go/mysql/collations/colldata"
)

// Info is a row of SHOW COLLATION.
type Info struct {
	ID       ID
	Name     string
	Charset  string
	Default  bool // of its charset
	SortLen  int
	PadSpace bool // Pad_attribute: PAD SPACE, else NO PAD
}

// CharsetInfo is a row of SHOW CHARACTER SET.
type CharsetInfo struct {
	Name        string
	Description string
	Default     ID // its default collation
	Bin         ID // its _bin collation, Binary for binary
	MaxWidth    int
	MinWidth    int
}

// idMax is above the largest ID of MySQL 8.0 (323).
const idMax = 512

// registry is filled at start and read-only afterwards.
type registry struct {
	byID      [idMax]*rules
	byName    map[string]ID
	all       []Info
	charsets  []CharsetInfo
	byCharset map[string]*CharsetInfo
}

var known = newRegistry()

// environmentVersion picks the names and defaults of MySQL 8.0.
const environmentVersion = "8.0.36"

// own are the collations that Vitess knows by name only.
var own = []struct {
	id            ID
	name, charset string
	isDefault     bool
}{
	{1, "big5_chinese_ci", "big5", true},
	{84, "big5_bin", "big5", false},
	{18, "tis620_thai_ci", "tis620", true},
	{89, "tis620_bin", "tis620", false},
	{28, "gbk_chinese_ci", "gbk", true},
	{87, "gbk_bin", "gbk", false},
	{248, "gb18030_chinese_ci", "gb18030", true},
	{249, "gb18030_bin", "gb18030", false},
}

func newRegistry() *registry {
	r := &registry{charsets: slices.Clone(charsetTable), byName: map[string]ID{}, byCharset: map[string]*CharsetInfo{}}
	slices.SortFunc(r.charsets, func(a, b CharsetInfo) int { return cmp.Compare(a.Name, b.Name) })
	for i := range r.charsets {
		r.byCharset[r.charsets[i].Name] = &r.charsets[i]
	}
	env := collations.NewEnvironment(environmentVersion)
	for _, id := range env.AllCollationIDs() {
		c := colldata.Lookup(id)
		if c == nil || int(id) >= idMax {
			continue
		}
		name := c.Name()
		if rest, ok := strings.CutPrefix(name, "utf8_"); ok {
			name = "utf8mb3_" + rest
		}
		cs := c.Charset().Name()
		if cs == "utf8" {
			cs = "utf8mb3"
		}
		isDefault := env.DefaultCollationForCharset(cs) == id
		r.add(newRules(ID(id), name, cs, c), isDefault)
	}
	for _, o := range own {
		if r.byID[o.id] == nil {
			r.add(newRules(o.id, o.name, o.charset, nil), o.isDefault)
		}
	}
	slices.SortFunc(r.all, func(a, b Info) int { return cmp.Compare(a.Name, b.Name) })
	return r
}

func (r *registry) add(c *rules, isDefault bool) {
	cs := r.byCharset[c.charset]
	if cs == nil {
		return // a charset that MySQL 8.0 does not show
	}
	c.width = cs
	r.byID[c.id] = c
	r.byName[c.name] = c.id
	if rest, ok := strings.CutPrefix(c.name, "utf8mb3_"); ok {
		r.byName["utf8_"+rest] = c.id
	}
	if isDefault {
		cs.Default = c.id
	}
	if c.name == c.charset+"_bin" {
		cs.Bin = c.id
	}
	r.all = append(r.all, Info{
		ID: c.id, Name: c.name, Charset: c.charset, Default: isDefault, SortLen: c.sortLen(), PadSpace: c.padSpace,
	})
}

func rulesOf(id ID) *rules {
	if id < idMax {
		if c := known.byID[id]; c != nil {
			return c
		}
	}
	return known.byID[Binary]
}

// Exists tells if the ID is known.
func Exists(id ID) bool { return id < idMax && known.byID[id] != nil }

// ByName finds a collation by its name, in any case; "utf8_..." stands for "utf8mb3_...".
func ByName(name string) (ID, bool) {
	id, ok := known.byName[strings.ToLower(name)]
	return id, ok
}

// Name returns "" for an unknown ID.
func Name(id ID) string {
	if !Exists(id) {
		return ""
	}
	return known.byID[id].name
}

// Charset returns the name of the charset, "" for an unknown ID.
func Charset(id ID) string {
	if !Exists(id) {
		return ""
	}
	return known.byID[id].charset
}

// All is SHOW COLLATION, by name. Not to be changed.
func All() []Info { return known.all }

// Charsets is SHOW CHARACTER SET, by name. Not to be changed.
func Charsets() []CharsetInfo { return known.charsets }

// CharsetByName finds a charset by its name, in any case; utf8 is utf8mb3.
func CharsetByName(name string) (CharsetInfo, bool) {
	name = strings.ToLower(name)
	if name == "utf8" {
		name = "utf8mb3"
	}
	cs := known.byCharset[name]
	if cs == nil {
		return CharsetInfo{}, false
	}
	return *cs, true
}

// DefaultOf returns the default collation of a charset.
func DefaultOf(charset string) (ID, bool) {
	cs, ok := CharsetByName(charset)
	return cs.Default, ok
}

// BinaryOf returns the _bin collation of a charset, Binary for the charset binary.
func BinaryOf(charset string) (ID, bool) {
	cs, ok := CharsetByName(charset)
	return cs.Bin, ok
}

// MaxWidth is the largest number of bytes of a character.
func MaxWidth(id ID) int { return rulesOf(id).width.MaxWidth }

// MinWidth is the smallest number of bytes of a character.
func MinWidth(id ID) int { return rulesOf(id).width.MinWidth }

// IsBinary tells if strings compare by their bytes: Binary and the _bin collations.
func IsBinary(id ID) bool { return rulesOf(id).binary }

// PadSpace tells if trailing spaces do not count in comparisons.
func PadSpace(id ID) bool { return rulesOf(id).padSpace }
