package memory_test

import (
	"bufio"
	"bytes"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
)

// TestSortOfProduct reads a sorted cross product to its end with the command line client, which keeps no rows.
func TestSortOfProduct(t *testing.T) {
	n := 120
	if testutil.Long() {
		n = 300
	}
	client, err := exec.LookPath("mariadb")
	if err != nil {
		t.Skip("no mariadb client")
	}
	s := startQuota(t, 32*mib, nil)
	db := s.DB(t, "test")
	fill(t, db, n)
	c := exec.Command(client, "--no-defaults", "-h", s.Host, "-P", strconv.Itoa(s.Port), "-u", "root", "--quick", "-N",
		"test", "-e", "SELECT * FROM t t1 JOIN t t2 JOIN t t3 ORDER BY t1.a")
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	count, last, others := 0, 0, 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		f := bytes.Split(lines.Bytes(), []byte{'\t'})
		require.Len(t, f, 3)
		var v [3]int
		for i := range f {
			v[i], err = strconv.Atoi(string(f[i]))
			require.NoError(t, err)
		}
		if v[0] < last {
			t.Fatalf("%d after %d in row %d", v[0], last, count)
		}
		last = v[0]
		others += v[1] + v[2]
		count++
	}
	require.NoError(t, lines.Err())
	require.NoError(t, c.Wait())
	require.Equal(t, n*n*n, count)
	require.Equal(t, n*n*n*(n-1), others)
	require.Positive(t, s.ReadStatus(t).Spill.Written)
}
