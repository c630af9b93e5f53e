// Command bench measures a server: it starts one for each scenario, on an empty directory, runs the scenario over the
// wire and prints a table with wall time, processor time, VmHWM and bytes written. make bench builds the server and
// runs it; -h lists the options, docs/operations.md says how to read the table.
//
// What a scenario prepares (tables, rows) is not part of its figures: they begin with its statements, VmHWM as well.
package main
