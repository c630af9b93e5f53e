// Package join owns the join operators. Each builds its right side first, as the sink of a pipeline, and then is a
// streaming operator of the pipeline of its left side.
package join
