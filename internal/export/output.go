package export

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compression of the output.
type Compression string

// The compressions.
const (
	Plain Compression = "none"
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
)

// CompressionOf is what the name of a file asks for.
func CompressionOf(name string) Compression {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".gz":
		return Gzip
	case ".zst", ".zstd":
		return Zstd
	}
	return Plain
}

// bufferSize is what is gathered before it is written.
const bufferSize = 256 << 10

// output is a file that grows in steps: after each, all that was written is in
// the file in a form that can be read, and cut off there.
type output struct {
	size   int64 // up to the latest step
	buf    []byte
	packer packer // nil: plain
	count  *counter
}

// packer compresses. A closed one leaves a complete member (gzip) or frame
// (zstd), of which a file may have many.
type packer interface {
	io.WriteCloser
	Reset(io.Writer)
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// newOutput goes on where a file of that size ends, or on a stream.
func newOutput(w io.Writer, size int64, c Compression) (*output, error) {
	o := &output{size: size, count: &counter{w: w, n: size}, buf: make([]byte, 0, bufferSize+(64<<10))}
	switch c {
	case Gzip:
		o.packer = gzip.NewWriter(o.count)
	case Zstd:
		// One at a time, and a window that any reader has room for.
		w, err := zstd.NewWriter(o.count, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return nil, err
		}
		o.packer = w
	}
	return o, nil
}

// put appends what encode makes.
func (o *output) put(encode func([]byte) ([]byte, error)) (err error) {
	if o.buf, err = encode(o.buf); err != nil {
		return err
	}
	if len(o.buf) < bufferSize {
		return nil
	}
	return o.drain()
}

// drain, like all that writes, fails with a WriteError.
func (o *output) drain() (err error) {
	if len(o.buf) == 0 {
		return nil
	}
	if o.packer != nil {
		_, err = o.packer.Write(o.buf)
	} else {
		_, err = o.count.Write(o.buf)
	}
	o.buf = o.buf[:0]
	if err != nil {
		return WriteError{err}
	}
	return nil
}

// step ends a step. The last of a file makes it one of its kind even if it is
// empty.
func (o *output) step(last bool) error {
	begun := len(o.buf) > 0 || o.count.n > o.size || last && o.count.n == 0
	if err := o.drain(); err != nil {
		return err
	}
	if o.packer != nil && begun {
		if err := o.packer.Close(); err != nil {
			return WriteError{err}
		}
		o.packer.Reset(o.count)
	}
	o.size = o.count.n
	return nil
}

// publish gives a finished file its name. Another of that name stays, unless it
// is to be replaced.
func publish(whole, name string, replace bool) error {
	if replace {
		return os.Rename(whole, name)
	}
	// Unlike a rename, a link never replaces. Some file systems have none.
	err := os.Link(whole, name)
	if err == nil {
		return os.Remove(whole)
	}
	if errors.Is(err, fs.ErrExist) || !missing(name) {
		return fmt.Errorf("%s has come into being meanwhile; what was exported is in %s", name, whole)
	}
	return os.Rename(whole, name)
}
