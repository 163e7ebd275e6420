//go:build unix

package statefile

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes a rename last. Some file systems cannot, and do not need it; a
// directory that must not be listed cannot be opened.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	err = d.Sync()
	_ = d.Close()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
