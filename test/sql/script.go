package sql

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// engine is the name by which scripts know us in skipif and onlyif.
const engine = "mysql"

// defaultHashThreshold is how many values a result may have before it is written as a hash.
const defaultHashThreshold = 8

// recordKind says what a record asks for.
type recordKind int

const (
	statementOK    recordKind = iota // the SQL succeeds
	statementError                   // the SQL fails
	query                            // the SQL gives rows
	connection                       // the records that follow run on the connection of this name
)

// sortMode is how a result is sorted before it is compared.
type sortMode string

const (
	noSort    sortMode = "nosort"    // as the server sent it
	rowSort   sortMode = "rowsort"   // rows, as lists of texts
	valueSort sortMode = "valuesort" // values, whatever their row
)

// record is one record of a script that is for our engine.
type record struct {
	line int // of its first word, from 1
	kind recordKind
	sql  string

	code     int      // statementError: the code of the error; 0: any
	affected int64    // statementOK: the affected rows; -1: any
	types    string   // query: a letter a column
	sort     sortMode // query
	label    string   // query: results with the same label are the same; "" if none
	want     []string // query: the lines after "----"; nil if the script has no result
	name     string   // connection

	hashThreshold int  // that holds for this record; 0: never hashed
	rowLines      bool // the result is written a row a line
}

// readScript reads a script's records up to halt, those for other engines left out.
func readScript(path string) ([]record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, err := parseScript(f)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return records, nil
}

// scriptParser is the state between records.
type scriptParser struct {
	in            *bufio.Scanner
	line          int
	hashThreshold int
	rowLines      bool
	records       []record
}

func parseScript(r io.Reader) ([]record, error) {
	p := &scriptParser{in: bufio.NewScanner(r), hashThreshold: defaultHashThreshold}
	p.in.Buffer(nil, 16<<20)
	for {
		halt, err := p.record()
		if err != nil {
			return nil, fmt.Errorf("%d: %w", p.line, err)
		}
		if halt {
			return p.records, p.in.Err()
		}
	}
}

// next returns the next line that is no comment.
func (p *scriptParser) next() (string, bool) {
	for p.in.Scan() {
		p.line++
		if text := p.in.Text(); !strings.HasPrefix(text, "#") {
			return strings.TrimSuffix(text, "\r"), true
		}
	}
	return "", false
}

// record reads one record; halt is true at the end of the script.
func (p *scriptParser) record() (halt bool, err error) {
	ours := true
	for {
		text, ok := p.next()
		if !ok {
			return true, nil
		}
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "skipif", "onlyif":
			if len(words) < 2 {
				return false, fmt.Errorf("%s without an engine", words[0])
			}
			ours = ours && (words[1] == engine) == (words[0] == "onlyif")
			continue
		case "halt":
			return ours, nil
		case "hash-threshold":
			if ours && len(words) == 2 {
				p.hashThreshold, err = strconv.Atoi(words[1])
			}
			return false, err
		case "format":
			p.rowLines = len(words) == 2 && words[1] == "rows"
			return false, nil
		}
		return false, p.body(words, ours)
	}
}

// body reads the record that begins with words.
func (p *scriptParser) body(words []string, ours bool) error {
	rec := record{line: p.line, affected: -1, hashThreshold: p.hashThreshold, rowLines: p.rowLines}
	if err := rec.head(words); err != nil {
		return err
	}
	if rec.kind != connection {
		p.text(&rec)
	}
	if ours {
		p.records = append(p.records, rec)
	}
	return nil
}

// head reads a record's first line.
func (r *record) head(words []string) (err error) {
	args := append(slices.Clone(words[1:]), "", "", "")
	switch words[0] + " " + args[0] {
	case "statement ok":
		return nil
	case "statement count":
		r.affected, err = strconv.ParseInt(args[1], 10, 64)
		return err
	case "statement error":
		r.kind = statementError
		if args[1] != "" {
			r.code, err = strconv.Atoi(args[1])
		}
		return err
	}
	switch words[0] {
	case "connection":
		r.kind, r.name = connection, args[0]
		return nil
	case "query":
		r.kind, r.types, r.sort, r.label = query, args[0], sortMode(args[1]), args[2]
		if r.sort == "" {
			r.sort = noSort
		}
		if strings.Trim(r.types, "IRT") != "" || !slices.Contains([]sortMode{noSort, rowSort, valueSort}, r.sort) {
			return fmt.Errorf("cannot read %q", strings.Join(words, " "))
		}
		return nil
	}
	return fmt.Errorf("unknown record %q", words[0])
}

// text reads the SQL, and the result if there is one, up to the empty line.
func (p *scriptParser) text(r *record) {
	var sql []string
	result := false
	for {
		text, ok := p.next()
		if !ok || strings.TrimSpace(text) == "" {
			break
		}
		switch {
		case result:
			r.want = append(r.want, text)
		case text == "----":
			result, r.want = true, []string{}
		default:
			sql = append(sql, text)
		}
	}
	r.sql = strings.Join(sql, "\n")
}
