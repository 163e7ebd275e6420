//go:build !(linux || windows || darwin || dragonfly || freebsd || netbsd || openbsd)

package cli

// flushInput does nothing where it is not known how.
func flushInput(uintptr) {}
