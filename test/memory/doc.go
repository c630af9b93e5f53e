// Package memory tests the promise on the real server: whatever runs, the process stays within its limit, and what does
// not fit goes to disk. Each test starts a server of its own, with the limit of the quota and 192 MiB, in a cgroup of
// that size where the machine allows one; the harness asserts VmHWM + VmSwap when it stops.
package memory
