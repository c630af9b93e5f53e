// Package exec owns the execution model: sources, operators and sinks, the pipelines made of them, the driver that runs
// pipelines on workers, and the profile of a run. Operators are in the families below it (exec/scan, exec/agg, ...),
// one a file; exec/build turns physical plans into pipelines.
//
// # Model
//
// A plan is cut at pipeline breakers. A pipeline is a source, streaming operators and a sink; its workers pull morsels
// from the source and push batches down to the sink. Only the driver calls operators, they never call each other. State
// is split in a part shared by the workers (Source, Operator, Sink) and a part of one worker (Local...).
//
// # Waiting
//
// Whoever must wait for a client, a lock or a timer does so through Worker.Wait: the worker's source is paused (its
// iterators are closed) and, if the wait lasts, the memory package parks the statement in place. Operators need no part
// in it: their pages keep their addresses.
//
// # Invariants
//
//	E1 a batch given to an operator or sink is valid until the call returns; one that an operator returns is valid until
//	   its next Execute, one of a source until the next Next.
//	E2 every page an operator pins is held on its own account within what exec/build.Minimum said, or leased.
//	E3 Close is repeatable and safe at any point after New...; it gives back pages, blocks, iterators and locks.
//	E4 leases are checked (Account.Revoked) at every batch.
//	E5 Finished from a sink or operator stops the other workers of the pipeline, and pipelines that only feed it.
package exec
