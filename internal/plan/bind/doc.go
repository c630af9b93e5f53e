// Package bind turns syntax trees into typed logical plans.
package bind
