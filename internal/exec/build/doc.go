// Package build turns physical plans into pipelines, and says what a plan needs at least.
//
// One walk over the plan does both: dry, it only sums up the operators' minimums (Size tries batch sizes and numbers of
// workers until the sum fits the quota); else it opens the operators' accounts with the same figures and constructs
// them. So what is admitted is what is held, by construction. A minimum is that of the pipeline whose operators need
// most (tenant).
//
// The plan is cut at pipeline breakers. The walk returns a pipe: the chains and steps that give a node's rows, open at
// its end; a breaker closes the pipe of its input with a sink, which makes it a pipeline of the run, and opens one with
// its source.
package build
