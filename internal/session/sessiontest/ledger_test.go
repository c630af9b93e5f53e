package sessiontest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/spillwaydb/spillway/internal/testutil"
)

// ledgerVariable is how many rows TestLedger's table has; not set: by testing.Short and testutil.Long.
const ledgerVariable = "SPILLWAY_LEDGER_ROWS"

// ledger is the latest balance of each account, summed.
const ledger = `select %s sum(balance) total from (
	select account_id, max(causality_id) max_causality_id from ledger_accounts group by account_id) last
	join ledger_accounts on last.account_id = ledger_accounts.account_id
	and last.max_causality_id = ledger_accounts.causality_id`

// TestLedger joins a large table with a grouping of itself: both sides are larger than the quota.
func TestLedger(t *testing.T) {
	rows, quotas := 1<<20, []int64{64 << 20, 16 << 20}
	switch {
	case os.Getenv(ledgerVariable) != "":
		n, err := strconv.Atoi(os.Getenv(ledgerVariable))
		require.NoError(t, err)
		rows = n
	case testutil.Long():
		rows = 20 << 20
	case testing.Short():
		rows, quotas = 1<<16, []int64{4 << 20, 2 << 20}
	}
	r := New(t, Options{})
	c := r.Connect(t, "")
	c.Must("create database d")
	require.NoError(t, c.InitDB(t.Context(), "d"))
	c.Must(`create table ledger_accounts (id bigint primary key, account_id bigint not null,
		causality_id bigint not null, balance decimal(20, 4) not null, note varchar(40))`)
	// Row i belongs to account i * 7919 % accounts, in no order of its keys; its balance is i % 1000 + 0.25.
	accounts := rows / 4
	value := func(i string) string {
		const row = "%s, %s * 7919 %% %d, %s * 3, %s %% 1000 + 0.25, concat('note ', %s)"
		return fmt.Sprintf(row, i, i, accounts, i, i, i)
	}
	const first = 1 << 8
	insert(c, "ledger_accounts", first, func(i int) string { return "(" + value(strconv.Itoa(i)) + ")" })
	for n := first; n < rows; n *= 2 {
		for from := 0; from < n; from += 1 << 19 {
			c.Must(fmt.Sprintf("insert into ledger_accounts select %s from ledger_accounts where id >= %d and id < %d",
				value(fmt.Sprintf("(id + %d)", n)), from, min(n, from+1<<19)))
		}
	}
	have := c.Must("select count(*) from ledger_accounts")
	require.Equal(t, []string{strconv.Itoa(rows)}, have)
	latest := make([]int, accounts)
	for i := range rows {
		latest[i*7919%accounts] = i
	}
	sum := 0
	for _, i := range latest {
		sum += 4*(i%1000) + 1
	}
	want := []string{fmt.Sprintf("%d.%02d00", sum/4, sum%4*25)}
	hints := map[string]string{
		"none": "", "HASH_AGG": "/*+ HASH_AGG() */", "STREAM_AGG": "/*+ STREAM_AGG() */",
		"HASH_JOIN":  "/*+ HASH_JOIN(last, ledger_accounts) */",
		"MERGE_JOIN": "/*+ MERGE_JOIN(last, ledger_accounts) */",
	}
	written := r.Spill.Stats().Writes
	for _, quota := range quotas {
		for name, hint := range hints {
			set(c, quota, 2, 0, 0, 0)
			sql := fmt.Sprintf(ledger, hint)
			if strings.HasSuffix(name, "AGG") { // of the grouping
				sql = strings.Replace(fmt.Sprintf(ledger, ""), "select account_id", "select "+hint+" account_id", 1)
			}
			plan := strings.Join(c.Must("explain "+sql), "\n")
			switch name {
			case "STREAM_AGG":
				require.Contains(t, plan, "StreamAgg")
			case "MERGE_JOIN":
				require.Contains(t, plan, "MergeJoin")
			default:
				require.Contains(t, plan, "HashJoin")
			}
			require.Equal(t, want, c.Must(sql), "%s at %d bytes", name, quota)
		}
	}
	require.Greater(t, r.Spill.Stats().Writes, written, "nothing was spilled")
}
