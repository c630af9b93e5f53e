package parse

import "strings"

// ExtraKind names a statement that the grammar lacks.
type ExtraKind uint8

// The statements. Name and Names of an Extra hold what is said for each.
const (
	ExtraShowEngine       ExtraKind = iota // SHOW ENGINE Name STATUS | MUTEX | LOGS: Word
	ExtraShowReplicas                      // SHOW REPLICAS, SHOW SLAVE HOSTS
	ExtraShowAllSlaves                     // SHOW ALL SLAVES STATUS (MariaDB)
	ExtraShowBinaryLogs                    // SHOW BINARY LOGS, SHOW MASTER LOGS
	ExtraShowBinlogEvents                  // SHOW BINLOG EVENTS ..., SHOW RELAYLOG EVENTS ...
	ExtraShowPackage                       // SHOW PACKAGE [BODY] STATUS ... (MariaDB)
	ExtraShowCreate                        // SHOW CREATE FUNCTION | TRIGGER | EVENT Name: Word is the kind
	ExtraShowWarnings                      // SHOW WARNINGS | ERRORS LIMIT ...: Word, Offset, Count
	ExtraCheckTable                        // CHECK TABLE Names
	ExtraChecksumTable                     // CHECKSUM TABLE Names
	ExtraRepairTable                       // REPAIR TABLE Names
	ExtraLockInstance                      // LOCK INSTANCE FOR BACKUP
	ExtraUnlockInstance                    // UNLOCK INSTANCE
	ExtraReset                             // RESET MASTER | REPLICA | SLAVE | BINARY LOGS ...
	ExtraPurge                             // PURGE BINARY | MASTER LOGS ...
	ExtraXA                                // XA ...
	ExtraKill                              // KILL [CONNECTION | QUERY] expression: Word, Name is its text
	ExtraProgram                           // CREATE, ALTER or DROP, Word, of what is in ProgramKind; Name
	ExtraDropIfExists                      // DROP IF EXISTS of what is in ProgramKind; Name
)

// Extra is a statement of few words.
type Extra struct {
	Kind          ExtraKind
	Word          string    // upper case
	Name          [2]string // database ("" if not given) and name
	Names         [][2]string
	Offset, Count uint64
	ProgramKind   string // PROCEDURE, FUNCTION, TRIGGER or EVENT
}

// words reads a statement as words.
type words struct {
	s scanner
	t token
}

func newWords(text string, like scanner) *words {
	w := &words{s: scanner{text: text, backslash: like.backslash, ansi: like.ansi}}
	w.t = w.s.next()
	return w
}

// take goes on if the next words are these; else it stays.
func (w *words) take(list ...string) bool {
	save := *w
	for _, x := range list {
		if !w.s.is(w.t, x) {
			*w = save
			return false
		}
		w.t = w.s.next()
	}
	return true
}

// any takes one of the words and returns it in upper case, "" if none is next.
func (w *words) any(list ...string) string {
	for _, x := range list {
		if w.take(x) {
			return x
		}
	}
	return ""
}

func (w *words) end() bool { return w.t.kind == tokEOF }

// name takes a name with an optional database.
func (w *words) name() (out [2]string, ok bool) {
	for {
		if w.t.kind != tokWord && w.t.kind != tokQuoted {
			return out, false
		}
		out[1] = strings.Clone(w.s.name(w.t))
		w.t = w.s.next()
		if !w.s.punct(w.t, '.') || out[0] != "" {
			return out, true
		}
		out[0] = out[1]
		w.t = w.s.next()
	}
}

func (w *words) names() (out [][2]string, ok bool) {
	for {
		n, ok := w.name()
		if !ok {
			return nil, false
		}
		out = append(out, n)
		if !w.s.punct(w.t, ',') {
			return out, true
		}
		w.t = w.s.next()
	}
}

// parseExtra returns nil for a statement that is the grammar's business, erroneous ones included.
func parseExtra(text string, like scanner) *Extra {
	w := newWords(text, like)
	switch {
	case w.take("SHOW"):
		return w.show()
	case w.take("CHECK", "TABLE"):
		return w.tables(ExtraCheckTable)
	case w.take("CHECKSUM", "TABLE"):
		return w.tables(ExtraChecksumTable)
	case w.take("REPAIR"):
		w.any("NO_WRITE_TO_BINLOG", "LOCAL")
		if w.take("TABLE") {
			return w.tables(ExtraRepairTable)
		}
	case w.take("LOCK", "INSTANCE", "FOR", "BACKUP") && w.end():
		return &Extra{Kind: ExtraLockInstance}
	case w.take("UNLOCK", "INSTANCE") && w.end():
		return &Extra{Kind: ExtraUnlockInstance}
	case w.take("RESET"):
		if word := w.any("MASTER", "REPLICA", "SLAVE", "BINARY"); word != "" {
			return &Extra{Kind: ExtraReset, Word: word}
		}
	case w.take("PURGE"):
		if word := w.any("BINARY", "MASTER"); word != "" {
			return &Extra{Kind: ExtraPurge, Word: word}
		}
	case w.take("XA"):
		return &Extra{Kind: ExtraXA}
	case w.take("CREATE"):
		return w.program("CREATE")
	case w.take("ALTER"):
		return w.program("ALTER")
	case w.take("DROP"):
		return w.program("DROP")
	case w.take("KILL"):
		word := w.any("CONNECTION", "QUERY")
		if w.t.kind != tokNumber && !w.end() && !w.s.is(w.t, "TIDB") {
			return &Extra{Kind: ExtraKill, Word: word, Name: [2]string{"", text[w.t.start:]}}
		}
	}
	return nil
}

// program is a definition of a routine, trigger or event, up to its name.
func (w *words) program(verb string) *Extra {
	x := &Extra{Kind: ExtraProgram, Word: verb}
	w.take("OR", "REPLACE")
	if w.take("DEFINER") {
		w.definer()
	}
	w.take("AGGREGATE")
	if x.ProgramKind = w.any("PROCEDURE", "FUNCTION", "TRIGGER", "EVENT"); x.ProgramKind == "" {
		return nil
	}
	if w.take("IF", "EXISTS") && x.Word == "DROP" {
		x.Kind = ExtraDropIfExists
	}
	w.take("IF", "NOT", "EXISTS")
	var ok bool
	if x.Name, ok = w.name(); !ok {
		return nil
	}
	return x
}

// definer takes = user, as 'name'@'host' or CURRENT_USER().
func (w *words) definer() {
	if w.s.punct(w.t, '=') {
		w.t = w.s.next()
	}
	for w.t = w.s.next(); w.t.kind == tokAt || w.s.punct(w.t, '(') || w.s.punct(w.t, ')'); {
		w.t = w.s.next()
	}
}

func (w *words) tables(kind ExtraKind) *Extra {
	names, ok := w.names()
	if !ok {
		return nil
	}
	return &Extra{Kind: kind, Names: names}
}

func (w *words) show() *Extra {
	switch {
	case w.take("ENGINE"):
		name, ok := w.name()
		word := w.any("STATUS", "MUTEX", "LOGS")
		if ok && word != "" && w.end() {
			return &Extra{Kind: ExtraShowEngine, Word: word, Name: name}
		}
	case w.take("REPLICAS") && w.end(), w.take("SLAVE", "HOSTS") && w.end():
		return &Extra{Kind: ExtraShowReplicas}
	case w.take("ALL", "SLAVES", "STATUS"), w.take("ALL", "REPLICAS", "STATUS"):
		return &Extra{Kind: ExtraShowAllSlaves}
	case w.take("BINARY", "LOGS") && w.end(), w.take("MASTER", "LOGS") && w.end():
		return &Extra{Kind: ExtraShowBinaryLogs}
	case w.take("BINLOG", "EVENTS"), w.take("RELAYLOG", "EVENTS"):
		return &Extra{Kind: ExtraShowBinlogEvents}
	case w.take("PACKAGE"):
		return &Extra{Kind: ExtraShowPackage}
	case w.take("CREATE"):
		word := w.any("FUNCTION", "TRIGGER", "EVENT")
		if name, ok := w.name(); word != "" && ok && w.end() {
			return &Extra{Kind: ExtraShowCreate, Word: word, Name: name}
		}
	default:
		word := w.any("WARNINGS", "ERRORS")
		if word == "" || !w.take("LIMIT") {
			return nil
		}
		x := &Extra{Kind: ExtraShowWarnings, Word: word}
		var ok bool
		if x.Count, ok = w.number(); !ok {
			return nil
		}
		if w.s.punct(w.t, ',') {
			w.t = w.s.next()
			x.Offset = x.Count
			if x.Count, ok = w.number(); !ok {
				return nil
			}
		}
		if w.end() {
			return x
		}
	}
	return nil
}

func (w *words) number() (uint64, bool) {
	if w.t.kind != tokNumber {
		return 0, false
	}
	var n Value
	if !plainNumber(w.s.str(w.t)) || n.setNumber(w.s.str(w.t), false) != nil || n.kind != KindInt {
		return 0, false
	}
	w.t = w.s.next()
	return n.num, true
}

// DefaultFunction is the function that DEFAULT (expression) of a column is turned into: the grammar knows calls there,
// but no other expressions.
const DefaultFunction = "spillway_default"

// defaults puts DefaultFunction between DEFAULT and a parenthesis.
func (w *words) defaults(text string) string {
	var b strings.Builder
	from := 0
	for w.t.kind != tokEOF && w.t.kind != tokInvalid {
		if w.take("SET", "DEFAULT") {
			continue // any expression may follow
		}
		if w.take("DEFAULT") {
			if !w.s.punct(w.t, '(') {
				continue
			}
			b.WriteString(text[from:w.t.start])
			b.WriteString(" " + DefaultFunction)
			from = w.t.start
		}
		w.t = w.s.next()
	}
	if from == 0 {
		return text
	}
	b.WriteString(text[from:])
	return b.String()
}

// editWords blanks single words that the grammar does not know and that change nothing, or are noted.
func editWords(text string, like scanner, st *Statement) string {
	w := newWords(text, like)
	switch {
	case w.take("SET"):
		// SET PERSIST x = 1 is SET GLOBAL x = 1, kept. In lists the word may come again; dumps do not do that.
		t := w.t
		if word := w.any("PERSIST", "PERSIST_ONLY"); word != "" {
			st.Persist = true
			return text[:t.start] + "GLOBAL" + strings.Repeat(" ", len(word)-len("GLOBAL")) + text[t.end:]
		}
	case w.take("CREATE", "TABLE"), w.take("CREATE", "TEMPORARY", "TABLE"), w.take("ALTER", "TABLE"):
		return w.defaults(text)
	case w.take("LOAD", "DATA"):
		// IGNORE n ROWS is IGNORE n LINES.
		for !w.end() && w.t.kind != tokInvalid {
			if !w.take("IGNORE") {
				w.t = w.s.next()
				continue
			}
			if _, ok := w.number(); ok {
				if t := w.t; w.take("ROWS") {
					return text[:t.start] + "LINES" + text[t.end:]
				}
			}
		}
	case w.take("LOCK"):
		if w.any("TABLES", "TABLE") == "" {
			return text
		}
		for !w.end() && w.t.kind != tokInvalid {
			switch t := w.t; {
			case w.take("LOW_PRIORITY"):
				text = blank(text, span{t.start, t.end})
			case w.take("AS"):
				text = blank(text, span{t.start, w.t.end})
			default:
				w.t = w.s.next()
			}
		}
	case w.take("SHOW"):
		if t := w.t; w.take("STORAGE", "ENGINES") {
			return blank(text, span{t.start, t.end})
		}
	case w.take("START", "TRANSACTION", "WITH", "CONSISTENT", "SNAPSHOT"):
		// READ ONLY beside a snapshot: the snapshot is what dumps are after.
		if w.s.punct(w.t, ',') {
			return text[:w.t.start]
		}
	case w.take("FLUSH", "TABLES"):
		if _, ok := w.names(); ok {
			if t := w.t; w.take("FOR", "EXPORT") {
				return text[:t.start] + "WITH READ LOCK"
			}
		}
	case w.take("EXPLAIN"), w.take("DESCRIBE"), w.take("DESC"):
		w.take("ANALYZE")
		if w.take("FORMAT") && w.s.punct(w.t, '=') {
			w.t = w.s.next()
			if t := w.t; w.take("TREE") {
				return text[:t.start] + "'tree'" + text[t.end:]
			}
		}
	}
	return text
}
