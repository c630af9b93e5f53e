package telemetry

import (
	"bytes"
	"log/slog"
	"regexp"
	"testing"
)

func TestLogLine(t *testing.T) {
	var b bytes.Buffer
	l := slog.New(NewLogHandler(&b, slog.LevelInfo))
	l.Debug("not written")
	l.With("conn", 7).Warn("memory exceeds quota, spill to disk now.", "consumed", 12, "quota", 10, "sql", "a b")
	// lint:long
	want := regexp.MustCompile(`^\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d\] \[WARN\] \[log_test\.go:\d+\] ` +
		`\["memory exceeds quota, spill to disk now\."\] \[conn=7\] \[consumed=12\] \[quota=10\] \[sql="a b"\]\n$`)
	if !want.Match(b.Bytes()) {
		t.Errorf("got %q", b.String())
	}
}
