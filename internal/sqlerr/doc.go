// Package sqlerr owns the errors that a client can see: MySQL's numbers, SQLSTATEs and texts, and the typed refusals of
// memory and temporary space.
//
// Three kinds of trouble travel as ordinary error values and are told apart by errors.Is and errors.As, never by text:
//
//   - a user's error is an *Error with a code, made by New, Newf or Wrap;
//   - a refusal of resources has a type of its own (ErrNoSurplus, QuotaError, ServerMemoryError, AdmissionTimeoutError,
//     TempSpaceError, SpillIOError), because somebody on the way may answer it with a smaller algorithm, a wait or a
//     spill;
//   - a bug is an AssertionError: an error with code 1105 in production, a panic in assertion builds.
//
// From turns any of them into the *Error that goes into an ERR packet.
//
// Invariants:
//
//  1. Error.State has five characters and belongs to Error.Code.
//  2. ErrNoSurplus never reaches a client: whoever gets it goes on with less. One that escapes is a bug, and 1105.
//  3. A message has no line break, so that logs and the process list keep one line an error.
//
// All values are immutable once made, hence safe for concurrent use.
package sqlerr
