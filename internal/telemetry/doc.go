// Package telemetry owns what is seen of the server from outside of SQL: the log's format, the metrics, and the status
// port with /status, /metrics and /debug/pprof. It reads figures that others export and changes nothing.
package telemetry
