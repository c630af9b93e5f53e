// Package expr owns typed expression trees, their vectorized evaluation, constant folding, coercion, and aggregates.
// One function family is one file (fn_*.go).
//
// # Evaluation
//
// Trees are shared and immutable. An Evaluator belongs to one worker: it owns one result vector a node and a string arena,
// all in held pages of the operator's account (EvalBytes says how many bytes). Eval computes only rows of the selection:
// a function that must not be evaluated at a row (CASE, IF, AND, OR) is called with a sub-selection, so no error comes
// from a row that does not count. Results lie at the rows' own positions and live until the next Eval.
//
// A refusal of surplus (sqlerr.ErrNoSurplus, from the arena) means that the caller is to evaluate fewer rows at a time;
// refused for a single row it is the statement's error.
package expr
