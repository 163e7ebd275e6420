package statefile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// writerVariable makes of the test binary a process that writes to the file it
// names until it is killed.
const writerVariable = "STATEFILE_TEST_WRITER"

const writerSize = 3 << 20

// numbered is a payload that tells its number. That before it and that after
// it share no more with it than chance will have.
func numbered(n uint64, size int) []byte {
	payload := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(n % 2)}).Read(payload)
	return stamp(payload, n)
}

func stamp(payload []byte, n uint64) []byte {
	copy(payload, fmt.Sprintf("%10d", n))
	return payload
}

func number(payload []byte) uint64 {
	n, _ := strconv.ParseUint(string(bytes.TrimSpace(payload[:min(10, len(payload))])), 10, 64)
	return n
}

// writeForever goes on from the number in the file, and prints each number
// once its write is done.
func writeForever(path string) int {
	f, err := Open(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	payload, err := f.Read()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	n := number(payload)
	next, after := numbered(n+1, writerSize), numbered(n+2, writerSize)
	for fmt.Println(n); ; fmt.Println(n) {
		n++
		if err := f.Write(stamp(next, n)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		next, after = after, next
	}
}

// TestKilledWhileWriting kills a process that writes, again and again. What it
// said to have written stands, or else the next that it was about to write.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		writer := exec.CommandContext(t.Context(), program)
		writer.Env = append(os.Environ(), writerVariable+"="+path)
		stdout, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		writer.Stderr = &stderr
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stdout)
		if !lines.Scan() {
			t.Fatalf("the writer does not begin: %v, %s", writer.Wait(), stderr.String())
		}
		if f, err := Open(path); !errors.Is(err, ErrLocked) {
			t.Fatalf("the file can be opened while another process writes: %v, %v", f, err)
		}
		time.Sleep(rand.N(60 * time.Millisecond))
		if err := writer.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		written := lines.Text()
		for lines.Scan() {
			written = lines.Text()
		}
		_ = writer.Wait() // killed
		if stderr.Len() > 0 {
			t.Fatal(stderr.String())
		}

		f, err := Open(path)
		if err != nil {
			t.Fatalf("after the kill: %v", err)
		}
		payload, err := f.Read()
		if err != nil {
			t.Fatalf("after the kill: %v", err)
		}
		least, err := strconv.ParseUint(written, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		n := number(payload)
		if n != least && n != least+1 {
			t.Fatalf("state %d is in the file, %d had been written", n, least)
		}
		if n > 0 && !bytes.Equal(payload, numbered(n, writerSize)) {
			t.Fatalf("state %d is not as it was written", n)
		}
		if got := names(t, filepath.Dir(path)); !slices.Equal(got, []string{"state", "state.lock"}) && !(n == 0 && slices.Equal(got, []string{"state.lock"})) {
			t.Fatalf("the directory has %q", got)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f := open(t, path)
	payload, err := f.Read()
	if err != nil || number(payload) == 0 {
		t.Errorf("nothing was ever written: error %v", err)
	}
	t.Logf("%d states were written", number(payload))
}
