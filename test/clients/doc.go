// Package clients drives the server with the clients that people use: the mariadb command line, mydumper, mariadb-dump,
// Go's driver, and a small client of its own that writes packets no driver would. Each test has a server of its own,
// which package harness holds to its memory limit and to a clean end.
package clients
