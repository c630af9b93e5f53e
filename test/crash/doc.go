// Package crash kills the real server in the middle of work and looks at what is there after the restart: every commit
// that was acknowledged, and of each of the others all or nothing; the schema as it was before a definition, or after.
package crash
