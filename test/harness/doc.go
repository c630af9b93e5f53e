// Package harness runs the real server for end-to-end tests: the binary of SPILLWAY_BIN (built once if that is unset)
// as a process of its own, on free ports, with its own data and temporary directory, in a memory cgroup where the
// machine allows one.
//
//	s := harness.Start(t, harness.Options{Variables: map[string]string{"tidb_mem_quota_query": "16777216"}})
//	db := s.DB(t, "test")
//
// When the test ends, the server must have
//
//  1. come to rest: no connection, nothing reserved, pinned, leased or on disk, no snapshot, iterator or lock;
//  2. stayed within its limit, as VmHWM + VmSwap;
//  3. stopped with exit status 0 after SIGTERM;
//  4. written nothing about panics, failed assertions or leaks into its log.
package harness
