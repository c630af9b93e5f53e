// Package lint holds the house rules that no common linter knows. It has tests only.
//
// Each rule has a name and says what to do instead. A comment on the line, or alone on the line above, lifts a rule:
//
//	time.Sleep(d) // lint:sleep the kernel needs a moment, and nothing tells when
//
// On the line above a top-level declaration it lifts the rule for the whole declaration, for tables with long lines.
// The form "//lint:ignore rule why" is the same. A reason is required, except for lint:long.
package lint
