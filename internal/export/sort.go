package export

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"

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
	// sortRows is how many rows are sorted in memory at once.
	sortRows = 2048
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
	out = binary.BigEndian.AppendUint32(out, uint32(keySize+len(r.json)))
	return append(append(out, key[:]...), r.json...)
}

// sorted reads what was spooled and gives each row in order. It needs as much
// room again in the spool's directory, in a file that it removes.
func (o Order) sorted(ctx context.Context, spool *os.File, visit func(row []byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	records := make(chan []byte, 64)
	failed := make(chan error, 1)
	go func() {
		defer close(records)
		failed <- read(ctx, spool, records)
	}()
	same := func(b []byte) ([]byte, error) { return b, nil }
	copied := func(b []byte) ([]byte, error) { return bytes.Clone(b), nil }
	sorter, out, errs := extsort.Generic(records, copied, same, func(a, b []byte) int {
		if o.Desc {
			a, b = b, a
		}
		return bytes.Compare(a[:keySize], b[:keySize])
	}, &extsort.Config{ChunkSize: sortRows, NumWorkers: 2, SortedChanBuffSize: 64, TempFilesDir: filepath.Dir(spool.Name())})
	go sorter.Sort(ctx)
	var err error
	for record := range out {
		if err == nil {
			if err = visit(record[keySize:]); err != nil {
				cancel() // and take what is still on its way
			}
		}
	}
	err = errors.Join(err, <-errs)
	cancel() // a sorter that failed takes no more
	return errors.Join(err, <-failed)
}

func read(ctx context.Context, spool io.Reader, into chan<- []byte) error {
	r := bufio.NewReaderSize(spool, bufferSize)
	var size [4]byte
	for {
		if _, err := io.ReadFull(r, size[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		record := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(r, record); err != nil {
			return err
		}
		select {
		case into <- record:
		case <-ctx.Done():
			return nil
		}
	}
}
