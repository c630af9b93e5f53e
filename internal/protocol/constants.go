package protocol

// Capability flags of the handshake.
type Capability uint32

// The capabilities by MySQL's names without CLIENT_.
const (
	LongPassword          Capability = 1 << 0
	FoundRows             Capability = 1 << 1
	LongFlag              Capability = 1 << 2
	ConnectWithDB         Capability = 1 << 3
	NoSchema              Capability = 1 << 4
	Compress              Capability = 1 << 5
	ODBC                  Capability = 1 << 6
	LocalFiles            Capability = 1 << 7
	IgnoreSpace           Capability = 1 << 8
	Protocol41            Capability = 1 << 9
	Interactive           Capability = 1 << 10
	SSL                   Capability = 1 << 11
	IgnoreSigpipe         Capability = 1 << 12
	Transactions          Capability = 1 << 13
	Reserved              Capability = 1 << 14
	SecureConnection      Capability = 1 << 15
	MultiStatements       Capability = 1 << 16
	MultiResults          Capability = 1 << 17
	PSMultiResults        Capability = 1 << 18
	PluginAuth            Capability = 1 << 19
	ConnectAttrs          Capability = 1 << 20
	PluginAuthLenencData  Capability = 1 << 21
	CanHandleExpiredPwd   Capability = 1 << 22
	SessionTrack          Capability = 1 << 23
	DeprecateEOF          Capability = 1 << 24
	OptionalResultsetMeta Capability = 1 << 25
	ZstdCompression       Capability = 1 << 26
	QueryAttributes       Capability = 1 << 27
)

// ServerCapabilities are those that this package speaks; SSL is added where there is a certificate.
const ServerCapabilities = LongPassword | FoundRows | LongFlag | ConnectWithDB | ODBC | LocalFiles | IgnoreSpace |
	Protocol41 | Interactive | IgnoreSigpipe | Transactions | Reserved | SecureConnection | MultiStatements |
	MultiResults | PSMultiResults | PluginAuth | ConnectAttrs | PluginAuthLenencData | DeprecateEOF | QueryAttributes

// Command is the first byte of a client's packet.
type Command uint8

// The commands.
const (
	ComSleep            Command = 0x00
	ComQuit             Command = 0x01
	ComInitDB           Command = 0x02
	ComQuery            Command = 0x03
	ComFieldList        Command = 0x04
	ComCreateDB         Command = 0x05
	ComDropDB           Command = 0x06
	ComRefresh          Command = 0x07
	ComShutdown         Command = 0x08
	ComStatistics       Command = 0x09
	ComProcessInfo      Command = 0x0a
	ComConnect          Command = 0x0b
	ComProcessKill      Command = 0x0c
	ComDebug            Command = 0x0d
	ComPing             Command = 0x0e
	ComChangeUser       Command = 0x11
	ComStmtPrepare      Command = 0x16
	ComStmtExecute      Command = 0x17
	ComStmtSendLongData Command = 0x18
	ComStmtClose        Command = 0x19
	ComStmtReset        Command = 0x1a
	ComSetOption        Command = 0x1b
	ComStmtFetch        Command = 0x1c
	ComResetConnection  Command = 0x1f
)

var commandNames = map[Command]string{
	ComSleep: "Sleep", ComQuit: "Quit", ComInitDB: "Init DB", ComQuery: "Query", ComFieldList: "Field List",
	ComCreateDB: "Create DB", ComDropDB: "Drop DB", ComRefresh: "Refresh", ComShutdown: "Shutdown",
	ComStatistics: "Statistics", ComProcessInfo: "Processlist", ComConnect: "Connect", ComProcessKill: "Kill",
	ComDebug: "Debug", ComPing: "Ping", ComChangeUser: "Change user", ComStmtPrepare: "Prepare",
	ComStmtExecute: "Execute", ComStmtSendLongData: "Long Data", ComStmtClose: "Close stmt",
	ComStmtReset: "Reset stmt", ComSetOption: "Set option", ComStmtFetch: "Fetch",
	ComResetConnection: "Reset Connection",
}

// String is the name that the process list shows.
func (c Command) String() string {
	if n, ok := commandNames[c]; ok {
		return n
	}
	return "Error"
}

// Status flags of OK and EOF packets.
const (
	StatusInTrans          uint16 = 1 << 0
	StatusAutocommit       uint16 = 1 << 1
	StatusMoreResults      uint16 = 1 << 3
	StatusNoGoodIndex      uint16 = 1 << 4
	StatusNoIndex          uint16 = 1 << 5
	StatusCursorExists     uint16 = 1 << 6
	StatusLastRowSent      uint16 = 1 << 7
	StatusDBDropped        uint16 = 1 << 8
	StatusNoBackslash      uint16 = 1 << 9
	StatusMetadataChanged  uint16 = 1 << 10
	StatusPSOutParams      uint16 = 1 << 12
	StatusInTransReadonly  uint16 = 1 << 13
	StatusSessionState     uint16 = 1 << 14
	headerOK               byte   = 0x00
	headerLocalInfile      byte   = 0xfb
	headerEOF              byte   = 0xfe
	headerErr              byte   = 0xff
	headerAuthMore         byte   = 0x01
	nullText               byte   = 0xfb
	maxFrame                      = 1<<24 - 1 // payload bytes of one packet
	packetHeader                  = 4
	protocolVersion               = 10
	scrambleBytes                 = 20
	paramUnsigned          byte   = 0x80
	executeParamCountAvail byte   = 0x08
)
