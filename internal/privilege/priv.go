package privilege

import (
	"iter"
	"math/bits"
	"strings"
)

// Priv is one privilege.
type Priv uint8

// The static privileges, in the order of SHOW GRANTS.
const (
	Select Priv = iota
	Insert
	Update
	Delete
	Create
	Drop
	Reload
	Shutdown
	Process
	File
	References
	Index
	Alter
	ShowDatabases
	Super
	CreateTemporaryTables
	LockTables
	Execute
	ReplicationSlave
	ReplicationClient
	CreateView
	ShowView
	CreateRoutine
	AlterRoutine
	CreateUser
	Event
	Trigger
	CreateTablespace
	CreateRole
	DropRole
	GrantOption

	// The dynamic privileges follow; they exist globally only.

	ApplicationPasswordAdmin
	AuditAdmin
	AuthenticationPolicyAdmin
	BackupAdmin
	BinlogAdmin
	BinlogEncryptionAdmin
	CloneAdmin
	ConnectionAdmin
	EncryptionKeyAdmin
	FlushOptimizerCosts
	FlushStatus
	FlushTables
	FlushUserResources
	GroupReplicationAdmin
	GroupReplicationStream
	InnodbRedoLogArchive
	InnodbRedoLogEnable
	PasswordlessUserAdmin
	PersistROVariablesAdmin
	ReplicationApplier
	ReplicationSlaveAdmin
	ResourceGroupAdmin
	ResourceGroupUser
	RoleAdmin
	SensitiveVariablesObserver
	ServiceConnectionAdmin
	SessionVariablesAdmin
	SetUserID
	ShowRoutine
	SystemUser
	SystemVariablesAdmin
	TableEncryptionAdmin
	XARecoverAdmin
	privEnd

	firstDynamic = ApplicationPasswordAdmin
)

var privNames = [privEnd]string{
	"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "RELOAD", "SHUTDOWN", "PROCESS", "FILE", "REFERENCES",
	"INDEX", "ALTER", "SHOW DATABASES", "SUPER", "CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE",
	"REPLICATION SLAVE", "REPLICATION CLIENT", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE",
	"CREATE USER", "EVENT", "TRIGGER", "CREATE TABLESPACE", "CREATE ROLE", "DROP ROLE", "GRANT OPTION",
	"APPLICATION_PASSWORD_ADMIN", "AUDIT_ADMIN", "AUTHENTICATION_POLICY_ADMIN", "BACKUP_ADMIN", "BINLOG_ADMIN",
	"BINLOG_ENCRYPTION_ADMIN", "CLONE_ADMIN", "CONNECTION_ADMIN", "ENCRYPTION_KEY_ADMIN", "FLUSH_OPTIMIZER_COSTS",
	"FLUSH_STATUS", "FLUSH_TABLES", "FLUSH_USER_RESOURCES", "GROUP_REPLICATION_ADMIN", "GROUP_REPLICATION_STREAM",
	"INNODB_REDO_LOG_ARCHIVE", "INNODB_REDO_LOG_ENABLE", "PASSWORDLESS_USER_ADMIN", "PERSIST_RO_VARIABLES_ADMIN",
	"REPLICATION_APPLIER", "REPLICATION_SLAVE_ADMIN", "RESOURCE_GROUP_ADMIN", "RESOURCE_GROUP_USER", "ROLE_ADMIN",
	"SENSITIVE_VARIABLES_OBSERVER", "SERVICE_CONNECTION_ADMIN", "SESSION_VARIABLES_ADMIN", "SET_USER_ID",
	"SHOW_ROUTINE", "SYSTEM_USER", "SYSTEM_VARIABLES_ADMIN", "TABLE_ENCRYPTION_ADMIN", "XA_RECOVER_ADMIN",
}

// String is the name in SQL.
func (p Priv) String() string {
	if p >= privEnd {
		return "UNKNOWN"
	}
	return privNames[p]
}

// IsDynamic tells if the privilege exists globally only and with an underscore in its name.
func (p Priv) IsDynamic() bool { return p >= firstDynamic }

// ParsePriv finds a privilege by its SQL name in any case; blanks must be single.
func ParsePriv(name string) (Priv, bool) {
	for p, n := range privNames {
		if strings.EqualFold(n, name) {
			return Priv(p), true
		}
	}
	return 0, false
}

// Set is a set of privileges. The zero Set is USAGE.
type Set uint64

// The sets that ALL means at each level; GRANT OPTION is never part of ALL.
const (
	AllGlobal Set = 1<<privEnd - 1 - 1<<GrantOption
	AllStatic Set = 1<<firstDynamic - 1 - 1<<GrantOption
	AllDB     Set = AllTable | 1<<CreateTemporaryTables | 1<<LockTables | 1<<Execute | 1<<CreateRoutine |
		1<<AlterRoutine | 1<<Event
	AllTable Set = 1<<Select | 1<<Insert | 1<<Update | 1<<Delete | 1<<Create | 1<<Drop | 1<<References | 1<<Index |
		1<<Alter | 1<<CreateView | 1<<ShowView | 1<<Trigger
)

// NewSet is the set of these privileges.
func NewSet(ps ...Priv) Set {
	var s Set
	for _, p := range ps {
		s |= 1 << p
	}
	return s
}

// Has tells if p is in the set.
func (s Set) Has(p Priv) bool { return s>>p&1 != 0 }

// All goes over the privileges of the set in the order of SHOW GRANTS.
func (s Set) All() iter.Seq[Priv] {
	return func(yield func(Priv) bool) {
		for s != 0 {
			p := Priv(bits.TrailingZeros64(uint64(s)))
			if !yield(p) {
				return
			}
			s &^= 1 << p
		}
	}
}

// names is the list as GRANT has it, without GRANT OPTION.
func (s Set) names() string {
	var list []string
	for p := range s.All() {
		if p != GrantOption {
			list = append(list, p.String())
		}
	}
	return strings.Join(list, ", ")
}
