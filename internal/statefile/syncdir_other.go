//go:build !unix

package statefile

// syncDir does nothing where directories cannot be synced.
func syncDir(string) error { return nil }
