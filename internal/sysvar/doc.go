// Package sysvar owns the system variables.
package sysvar
