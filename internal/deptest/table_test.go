package deptest

// above, in row.may, stands for all packages of the rows above; "-name" after it takes one out again.
const above = "above"

// A row says what its packages may import besides the standard library and the helpers. "x/*" stands for the rows and
// packages below x. The name types stands for types/collation too.
type row struct {
	packages string // separated by blanks
	may      string // separated by blanks
}

// helpers may be imported by every package.
const helpers = "invariants cgroup"

// table is the design's, in its order, with what was decided since marked.
var table = []row{
	{"invariants lint deptest cgroup", ""},
	{"sqlerr", ""},
	{"memory", "sqlerr"},
	{"spill", "memory sqlerr"},                // since: its errors are MySQL's
	{"types types/collation", "sqlerr types"}, // one row: the compiler keeps the two in order
	{"sysvar", "types sqlerr"},
	{"vector", "types memory sqlerr"}, // since: refusals
	{"schema", "types"},
	{"expr", "types sqlerr memory vector"},
	{"rows", "types memory vector sqlerr"}, // since: refusals
	{"pagetree", "memory sqlerr"},
	{"kv", "sqlerr memory"},
	{"kv/local", "kv pagetree memory sqlerr"},
	{"table", "schema types expr vector rows memory kv sqlerr"}, // since: duplicate keys, corrupt rows
	{"catalog", "schema types sqlerr vector kv table memory"},   // since: descriptors are charged
	{"privilege", "types sqlerr vector schema table catalog"},
	{"parse", "sqlerr"},
	{"plan/logical plan/physical", "schema types expr"},
	{
		"plan plan/bind plan/rewrite",
		"parse plan/* schema types sqlerr expr catalog",
	},
	{"exec", mayExec},
	{"exec/runtimefilter", mayExec},
	{"exec/keep", "exec " + mayExec}, // since: rows that one pipeline keeps for another
	{
		"exec/scan exec/stream exec/join exec/agg exec/sort exec/window exec/cte exec/apply exec/dml",
		"exec exec/runtimefilter exec/keep " + mayExec,
	},
	{"exec/build", "exec exec/* " + mayExec},
	{"session", "above -kv/local -spill"},
	{"infoschema", "session catalog privilege sysvar memory schema types vector sqlerr"},
	{"protocol", "types vector sqlerr memory"},
	{"server", "protocol session privilege sysvar vector types sqlerr memory"},
	{"telemetry", "server session spill memory kv"},
}

// mayExec is for exec and for its operator families, none of which may import a sibling.
const mayExec = "plan/physical schema types sqlerr expr vector rows pagetree memory table catalog kv"

// supportTable is for packages that only tests import. testutil is kept low, as the tests of memory use it: faulty
// files, which need spill, are better off in testutil/faulty.
var supportTable = []row{
	{"testutil", "memory spill sqlerr"},
	{"testutil/faulty", "memory spill sqlerr"},
	{"memory/memorytest", "memory spill sqlerr testutil"},
	{"kv/kvtest", "kv memory memory/memorytest sqlerr testutil"},
	{"exec/exectest", "exec memory/memorytest testutil testutil/faulty spill " + mayExec},
	{"session/sessiontest/querygen", ""},
	{"session/sessiontest", "above testutil testutil/faulty"},
}

// A library says where a third-party import path, and what lies below it, may be imported; "x/*" as above. Of several
// rows that fit, the longest counts, and of those of equal length the exact one.
type library struct {
	path  string
	exact bool // without what lies below it
	where string
}

const parserLibrary = "github.com/pingcap/tidb/pkg/parser"

var libraries = []library{
	// The grammar is behind parse; its tree is read where it is bound.
	{path: parserLibrary, exact: true, where: "parse"},
	{path: parserLibrary, where: "parse plan plan/bind session"},
	{path: parserLibrary + "/auth", where: "privilege protocol server session"},
	{path: "github.com/cockroachdb/pebble/v2", where: "kv/local"},
	{path: "vitess.io/vitess/go/mysql/collations", where: "types/collation"},
	{path: "github.com/dlclark/regexp2/v2", where: "expr"},
	{path: "github.com/holiman/uint256", where: "types vector expr"},
	{path: "github.com/klauspost/compress", where: "spill protocol"},
	{path: "github.com/pierrec/lz4/v4", where: "spill"},
	{path: "github.com/zeebo/xxh3", where: "vector rows expr table exec exec/*"},
	{path: "github.com/prometheus/client_golang", where: "telemetry"},
	{path: "github.com/BurntSushi/toml", where: ""},
	{path: "golang.org/x/sync", where: "memory spill kv/local catalog session server telemetry"},
	{path: "golang.org/x/sys", where: "memory spill cgroup kv/local session server telemetry"},
	{path: "golang.org/x/text", where: "types types/collation expr"},
}
