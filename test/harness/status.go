package harness

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/telemetry"
)

// readStatus reads the document at /status.
func (s *Server) readStatus() (telemetry.Status, error) {
	var st telemetry.Status
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(s.Status + "/status")
	if err != nil {
		return st, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return st, fmt.Errorf("/status: %s", r.Status)
	}
	return st, json.NewDecoder(r.Body).Decode(&st)
}

// ReadStatus reads the document at /status.
func (s *Server) ReadStatus(t testing.TB) telemetry.Status {
	st, err := s.readStatus()
	require.NoError(t, err)
	return st
}

// held says what an idle server still holds; "" is nothing.
func held(st *telemetry.Status) string {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"connections", int64(st.Connections)},
		{"minimums", st.Pool.Minimums},
		{"leases", st.Pool.Leases},
		{"evictable pages", st.Pool.Evictable},
		{"pages in use", st.Pool.Committed - st.Pool.Idle - st.Pool.Descriptors},
		{"heap ledger", st.Pool.HeapReserved - st.Catalog.HeapBytes}, // definitions stay
		{"waiting statements", int64(st.Pool.Waiting)},
		{"bytes on disk", st.Spill.InUse},
		{"snapshots", st.Storage.Snapshots},
		{"iterators", st.Storage.Iterators},
		{"locks", st.Storage.Locks},
		{"lock waiters", st.Storage.Waiters},
	} {
		if f.value != 0 {
			return fmt.Sprintf("%s: %d", f.name, f.value)
		}
	}
	return ""
}

// waitRest waits until the server holds nothing, and returns what it holds at the end; "" is nothing.
func (s *Server) waitRest(timeout time.Duration) string {
	deadline := time.Now().Add(timeout)
	for {
		st, err := s.readStatus()
		what := ""
		if err != nil {
			what = err.Error()
		} else {
			what = held(&st)
		}
		if what == "" || time.Now().After(deadline) {
			return what
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// AssertRest asserts that the server holds nothing, soon: every connection must be closed.
func (s *Server) AssertRest(t testing.TB) {
	t.Helper()
	if what := s.waitRest(Timeout); what != "" {
		require.Fail(t, "the server is idle and holds "+what)
	}
}

func (s *Server) checkRest(t testing.TB) {
	if what := s.waitRest(10 * time.Second); what != "" {
		t.Errorf("the server is idle and holds %s", what)
	}
}
