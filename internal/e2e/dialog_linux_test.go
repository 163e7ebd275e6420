package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// terminal opens both ends of one.
func terminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	control := func(request uintptr, value *uint32) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, ours.Fd(), request, uintptr(unsafe.Pointer(value))); errno != 0 {
			t.Fatal(errno)
		}
	}
	var locked, number uint32
	control(syscall.TIOCSPTLCK, &locked)
	control(syscall.TIOCGPTN, &number)
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = theirs.Close() })
	return ours, theirs
}

// screen gathers what the program writes on a terminal.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// On a terminal the program asks before it changes a dialog, and obeys the
// answer, which is what is typed after the question. The dialog alone goes to
// standard output.
func TestDialogUpdateAsksOnATerminal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		early, typed string // before the question, and then
		code         int
		muted        bool
		says         string
	}{
		"yes":                    {"", "y\n", 0, true, "Changed."},
		"no":                     {"", "n\n", 1, false, "not confirmed: nothing was changed"},
		"end":                    {"", "\x04", 1, false, "not confirmed: nothing was changed"},
		"Ctrl-C":                 {"", "\x03", 1, false, "interrupted"},
		"yes too early, then no": {"y\n", "n\n", 1, false, "not confirmed: nothing was changed"},
		"no too early, then yes": {"n\n", "y\n", 0, true, "Changed."},
		"half a word too early":  {"n", "y\n", 0, true, "Changed."},
		"an early end, then yes": {"\x04", "y\n", 0, true, "Changed."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, url := sandbox(t, "k")
			id := api.CreateDialog(chatapitest.DialogSpec{Type: 2, Occupants: []int64{1, 2}})
			ours, theirs := terminal(t)
			var stdout bytes.Buffer
			cmd := exec.Command(binary, "dialog", "update", id, "--mute-for=2", "--api.rate-limit=0", "--api.url="+url, "--api.key-file="+write(t, t.TempDir(), "key", "k"))
			cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environment(), theirs, &stdout, theirs
			if _, err := ours.WriteString(c.early); err != nil {
				t.Fatal(err)
			}
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = theirs.Close()
			var shown screen
			gone := make(chan struct{})
			go func() { // until the program, the last who has the other end open, is gone
				defer close(gone)
				buf := make([]byte, 4096)
				for {
					n, err := ours.Read(buf)
					_, _ = shown.Write(buf[:n])
					if err != nil {
						return
					}
				}
			}()
			eventually(t, "the question", func() bool { return strings.Contains(shown.String(), "Change this dialog? [y/N] ") })
			if n := api.RequestCounts()[chatapitest.Dialog]; n != 0 {
				t.Errorf("%d changes were sent before the answer", n)
			}
			if _, err := ours.WriteString(c.typed); err != nil {
				t.Fatal(err)
			}
			<-gone
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(shown.String(), c.says) || strings.Contains(shown.String(), "[y/N] \r\n\r\n") {
				t.Errorf("code %d, %q", code, shown.String())
			}
			if sent := api.RequestCounts()[chatapitest.Dialog]; (sent == 1) != c.muted || strings.Contains(stdout.String(), `"silent_ids":[2]`) != c.muted || !c.muted && stdout.Len() > 0 {
				t.Errorf("%d changes were sent, standard output %q", sent, stdout.String())
			}
		})
	}
}

// The null device, which services have for standard input, is no terminal.
func TestDialogUpdateOfAService(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t, "k")
	id := api.CreateDialog(chatapitest.DialogSpec{Type: 2, Occupants: []int64{1, 2}})
	code, stdout, stderr := runProgram(t, []string{"CONNECTYCUBE_EXPORTER_YES=true", "CONNECTYCUBE_API_KEY=k"}, "dialog", "update", id, "--mute-for=2", "--api.url="+url)
	if code != 2 || stdout != "" || !strings.Contains(stderr, "--yes") || len(api.Requests()) != 0 {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
}
