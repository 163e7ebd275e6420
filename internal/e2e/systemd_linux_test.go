package e2e

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
)

// systemd passes its sockets as files from number 3 on, and says so in
// variables that hold the process id of the receiver.
func TestSocketOfSystemd(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t, "k")
	key := write(t, t.TempDir(), "key", "k")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()

	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`,
		binary, "--web.systemd-socket", "--api.url="+url, "--api.key-file="+key)
	cmd.ExtraFiles = []*os.File{socket}
	p := serveCommand(t, cmd)
	if want := "http://" + l.Addr().String(); p.root != want {
		t.Errorf("it serves at %s, want %s", p.root, want)
	}
	if code, _ := p.get("/-/ready"); code != http.StatusOK {
		t.Errorf("ready answers %d", code)
	}

	code, _, stderr := runProgram(t, nil, "--web.systemd-socket", "--api.url="+url, "--api.key-file="+key)
	if code != 1 || stderr == "" {
		t.Errorf("without a socket: code %d, %q", code, stderr)
	}
}
