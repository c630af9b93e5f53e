// Package expr owns typed expression trees, their vectorized evaluation, constant folding, coercion, and aggregates.
// One function family is one file (fn_*.go).
//
// # Evaluation
//
// Trees are shared and immutable. An Evaluator belongs to one worker: it owns one result vector a node and a string
// arena, all in held pages of the operator's account (EvalBytes says how many bytes). Eval computes only rows of the
// selection: a function that must not be evaluated at a row (CASE, IF, AND, OR) is called with a sub-selection, so no
// error comes from a row that does not count. Results lie at the rows' own positions and live until the next Eval.
//
// A refusal of surplus (sqlerr.ErrNoSurplus, from the arena) means that the caller is to evaluate fewer rows at a time;
// refused for a single row it is the statement's error.
//
// # Names
//
// NewCall takes operators and functions by their MySQL name in lower case. What has a syntax of its own is called so:
//
//	case(cond, result, ..., [else])      CASE WHEN; CASE x WHEN y is cond "="(x, y)
//	in(x, list...), not in               rows are for the binder
//	between(x, low, high), not between   becomes x >= low AND x <= high
//	like(x, pattern, [escape]), regexp(x, pattern), each with "not "
//	trim(s, [cut]), ltrim, rtrim         TRIM(BOTH, LEADING, TRAILING cut FROM s)
//	locate(sub, s)                       POSITION(sub IN s)
//	date_add(d, n, 'DAY'), date_sub      also timestampadd('DAY', n, d), timestampdiff('DAY', a, b)
//	extract('YEAR', d)
//	convert using(s, 'latin1'), binary(x); NewExplicitCast and NewCollate for CAST and COLLATE
//	@('name')                            user variable, constant in the statement; "@ row" if the statement assigns it
//	:=('name', x)                        assignment
//	@@('global', 'name')                 system variable: becomes a literal
//	member of(x, array), ->, ->>
//
// Conditions (Filter, join conditions) go through NewCondition, which makes them integers.
//
// # Single values
//
// EvalConst and EvalRow run the same functions over vectors of one row on the Go heap, so literals are folded by the
// code that computes columns. There a long string's reference is an index into the evaluator's table of strings; only
// Evaluator.bytes and put know.
package expr
