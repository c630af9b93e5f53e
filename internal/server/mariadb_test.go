package server

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/privilege"
)

// TestMariaDBClient runs the command line client, the other family of drivers, where it is installed; the suite of real
// clients, which requires it, is in test/clients.
func TestMariaDBClient(t *testing.T) {
	client, err := exec.LookPath("mariadb")
	if err != nil {
		t.Skip("the client mariadb is not installed")
	}
	config, err := TLSConfig(TLSFiles{AutoDir: t.TempDir()})
	require.NoError(t, err)
	s := start(t, func(o *Options) { o.TLS = config })
	_, err = s.r.users.CreateUser(t.Context(), []privilege.UserSpec{
		{Account: privilege.Account{User: "sha2", Host: "%"}, Password: ptr("pw")},
		{Account: at("native", "%"), Plugin: ptr("mysql_native_password"), Password: ptr("pw")},
	}, false)
	require.NoError(t, err)
	host, port, err := net.SplitHostPort(s.addr)
	require.NoError(t, err)
	input := ""
	run := func(args ...string) (string, error) {
		args = append([]string{"--no-defaults", "--protocol=tcp", "-h", host, "-P", port, "--skip-reconnect"}, args...)
		cmd := exec.CommandContext(t.Context(), client, args...)
		cmd.Stdin = strings.NewReader(input)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run("-uroot", "--skip-ssl", "-N", "-e", "ROWS 2; FAIL 1")
	require.Error(t, err)
	require.Contains(t, out, "aaaaaaaaaaaaaaaaaaaa")
	require.Contains(t, out, "ERROR 1317 (70100)")
	input = "FAIL 300;\nROWS 3;\n"
	out, err = run("-uroot", "--skip-ssl", "--force", "-N")
	require.NoError(t, err, out)
	require.Contains(t, out, "cccccccccccccccccccc", "the connection lives after an error in mid result")
	for _, user := range []string{"sha2", "native"} {
		for _, tls := range []string{"--ssl", "--skip-ssl"} {
			for range 2 {
				out, err = run("-u"+user, "-ppw", tls, "--quick", "-N", "-e", "ROWS 2000")
				require.NoError(t, err, "%s %s %s", user, tls, out)
				require.Equal(t, 2000, strings.Count(out, "\n"))
			}
		}
		out, err = run("-u"+user, "-pbad", "--skip-ssl", "-e", "ROWS 1")
		require.Error(t, err)
		require.Contains(t, out, "ERROR 1045 (28000): Access denied for user '"+user+"'@'localhost'")
	}
	file := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.WriteFile(file, make([]byte, 100000), 0o600))
	out, err = run("-uroot", "--skip-ssl", "--local-infile=1", "-vvv", "-e", "LOAD "+file)
	require.NoError(t, err, out)
	require.Contains(t, out, "100000 rows affected")
}
