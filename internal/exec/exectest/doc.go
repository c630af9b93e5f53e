// Package exectest runs operators as tests need them: real pipelines over generated rows, at many batch sizes, with
// selections, NULLs and constant vectors, at quotas from the operator's minimum up, with every unpinned block evicted,
// cancelled on the way, and with the N-th refusal of memory or temporary storage, for all N.
//
// The rules that it holds every operator to:
//
//   - a refusal of surplus changes nothing of the result;
//   - a refusal within the minimum, or of temporary storage, gives that error, or changes nothing;
//   - whatever happened, the operator's account is empty once the run and the operator are closed.
package exectest
