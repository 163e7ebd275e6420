package statefile

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// Not even root can make a file in /sys.
func TestADirectoryThatCannotBeWrittenTo(t *testing.T) {
	t.Parallel()
	_, err := Open("/sys/state")
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "its directory") {
		t.Errorf("error %v", err)
	}
}
