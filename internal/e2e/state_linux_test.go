package e2e

import (
	"strings"
	"testing"
)

// Not even root can make a file in /sys.
func TestAStateInADirectoryThatCannotBeWrittenTo(t *testing.T) {
	t.Parallel()
	key := write(t, t.TempDir(), "key", "k")
	code, _, stderr := runProgram(t, nil, "--state.file=/sys/state", "--api.key-file="+key, "--web.listen-address=127.0.0.1:0")
	if code != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--state.file: cannot use /sys/state: its directory") {
		t.Errorf("code %d, %q", code, stderr)
	}
}
