//go:build race

package e2e

// buildFlags give the binary the race detector that its tests have.
var buildFlags = []string{"-race"}
