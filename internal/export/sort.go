package export

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/lanrat/extsort"
)

// Order is that of the rows in the output. The zero one is that in which they
// came: by _id within each page, pages in any order.
type Order struct {
	Field string // _id, created_at or updated_at; the last two are told apart by _id
	Desc  bool
}

const (
	timeSize = 8
	keySize  = timeSize + 12
	headSize = keySize + 4 // the key, and the size of the row

	// sortRows is how many keys are sorted in memory at once.
	sortRows = 1 << 15
)

// key is what a row is sorted by. Keys compare as bytes.
func (o Order) key(r row) (key [keySize]byte) {
	switch o.Field {
	case "created_at":
		binary.BigEndian.PutUint64(key[:], uint64(r.created))
	case "updated_at":
		binary.BigEndian.PutUint64(key[:], uint64(r.updated))
	}
	copy(key[timeSize:], r.id[:])
	return key
}

// spool appends a row with its key, as sorted reads it.
func (o Order) spool(out []byte, r row) []byte {
	key := o.key(r)
	out = binary.BigEndian.AppendUint32(append(out, key[:]...), uint32(len(r.json)))
	return append(out, r.json...)
}

// place is a key and where in the spool its row lies. Only these are sorted, so
// that memory and room do not depend on how long rows are.
type place [keySize + 8 + 4]byte

func newPlace(head [headSize]byte, at int64) (p place) {
	copy(p[:keySize], head[:keySize])
	binary.BigEndian.PutUint64(p[keySize:], uint64(at))
	copy(p[keySize+8:], head[keySize:])
	return p
}

func (p place) at() int64 { return int64(binary.BigEndian.Uint64(p[keySize:])) }
func (p place) size() int { return int(binary.BigEndian.Uint32(p[keySize+8:])) }

// sorted reads what was spooled and gives each row in order. It needs a little
// room in a directory, in a file that it removes.
func (o Order) sorted(ctx context.Context, spool io.ReaderAt, dir string, visit func(row []byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	places := make(chan place, 1024)
	listed := make(chan error, 1)
	go func() {
		defer close(places)
		listed <- list(ctx, spool, places)
	}()
	sorter, out, failed := extsort.Generic(places,
		func(b []byte) (p place, err error) { copy(p[:], b); return p, nil },
		func(p place) ([]byte, error) { return p[:], nil },
		func(a, b place) int {
			if o.Desc {
				a, b = b, a
			}
			return bytes.Compare(a[:keySize], b[:keySize])
		}, &extsort.Config{ChunkSize: sortRows, NumWorkers: 1, SortedChanBuffSize: 1024, TempFilesDir: dir})
	go sorter.Sort(ctx)
	var err error
	var row []byte
	for p := range out {
		if err != nil {
			continue // what is still on its way
		}
		if cap(row) < p.size() {
			row = make([]byte, p.size())
		}
		row = row[:p.size()]
		if _, err = spool.ReadAt(row, p.at()); err == nil {
			err = visit(row)
		}
		if err != nil {
			cancel()
		}
	}
	if sorting := <-failed; err == nil && sorting != nil {
		err = sorting
		if !errors.Is(sorting, context.Canceled) {
			err = WriteError{sorting}
		}
	}
	cancel() // a sorter that failed takes no more
	if listing := <-listed; err == nil {
		err = listing
	}
	return err
}

// list finds the rows of a spool.
func list(ctx context.Context, spool io.ReaderAt, into chan<- place) error {
	const end = 1 << 62
	r := bufio.NewReaderSize(io.NewSectionReader(spool, 0, end), bufferSize)
	for at := int64(headSize); ; {
		var head [headSize]byte
		if _, err := io.ReadFull(r, head[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		p := newPlace(head, at)
		if _, err := r.Discard(p.size()); err != nil {
			return err
		}
		at += int64(p.size()) + headSize
		select {
		case into <- p:
		case <-ctx.Done():
			return nil
		}
	}
}

// sort puts what was spooled in order, into another file or onto the stream.
func (e *Export) sort(ctx context.Context) (err error) {
	into := e.cfg.Stream
	if e.state != nil {
		path := e.cfg.Name + sortedSuffix
		if err := remove(path); err != nil {
			return WriteError{err}
		}
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return WriteError{err}
		}
		defer func() {
			if err = errors.Join(err, file.Close()); err != nil {
				_ = os.Remove(path)
			}
		}()
		into = file
	}
	dir, err := e.sortingDir()
	if err != nil {
		return WriteError{err}
	}
	defer os.RemoveAll(dir)
	output, err := newOutput(into, 0, e.cfg.Spec.Compression)
	if err != nil {
		return err
	}
	err = output.put(func(b []byte) ([]byte, error) { return append(b, e.encoder.head()...), nil })
	if err != nil {
		return err
	}
	err = e.cfg.Spec.Order.sorted(ctx, e.part, dir, func(row []byte) error {
		return output.put(func(b []byte) ([]byte, error) { return e.encoder.add(b, row) })
	})
	if err != nil {
		return err
	}
	if err := output.step(true); err != nil {
		return err
	}
	e.output = output
	if file, ok := into.(*os.File); ok && e.state != nil {
		if err := file.Sync(); err != nil {
			return WriteError{err}
		}
	}
	return nil
}

// sortingDir is an empty directory of our own, so that what a kill leaves in it is
// found again.
func (e *Export) sortingDir() (string, error) {
	if e.state == nil {
		return os.MkdirTemp("", "connectycube-export-*")
	}
	dir := e.cfg.Name + sortingSuffix
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o700)
}
