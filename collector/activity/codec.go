package activity

import (
	"encoding/binary"
	"errors"
)

const (
	codecVersion = 1
	mostHours    = 60 * 7 * 24 // that are believed of a saved history
	latestHour   = 1 << 20     // since 1970, of a saved history: in the year 2089
)

var errHistory = errors.New("it is not a saved history")

// MarshalBinary packs the history: each list of counts as the count after the
// one before, unknown ones as 0 and the others one higher.
func (h *History) MarshalBinary() ([]byte, error) {
	b := []byte{codecVersion}
	b = binary.AppendVarint(b, h.first)
	b = binary.AppendUvarint(b, uint64(len(h.hours)))
	for _, list := range [][]int32{h.hours, h.tails, h.bins} {
		for i := 0; i < len(list); {
			if list[i] != unknown {
				b = binary.AppendUvarint(b, uint64(list[i])+1)
				i++
				continue
			}
			run := 1
			for i+run < len(list) && list[i+run] == unknown {
				run++
			}
			b = binary.AppendUvarint(append(b, 0), uint64(run))
			i += run
		}
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (h *History) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || b[0] != codecVersion {
		return errHistory
	}
	r := reader{b: b[1:]}
	out := History{first: r.signed(), version: h.version + 1}
	n := r.unsigned()
	if n > mostHours || out.first < 0 || out.first > latestHour {
		return errHistory
	}
	out.hours, out.tails, out.bins = r.counts(int(n)), r.counts(int(n)), r.counts(int(n)*binsPerHour)
	if r.bad || len(r.b) > 0 {
		return errHistory
	}
	*h = out
	return nil
}

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.b)
	r.take(n)
	return v
}

func (r *reader) unsigned() uint64 {
	v, n := binary.Uvarint(r.b)
	r.take(n)
	return v
}

func (r *reader) take(n int) {
	if n <= 0 {
		r.bad, r.b = true, nil
		return
	}
	r.b = r.b[n:]
}

func (r *reader) counts(n int) []int32 {
	out := fill(n)
	for i := 0; i < n && !r.bad; {
		v := r.unsigned()
		if v == 0 {
			run := r.unsigned()
			if r.bad = r.bad || run == 0 || run > uint64(n-i); r.bad {
				break
			}
			i += int(run)
			continue
		}
		if r.bad = r.bad || v-1 > 1<<31-1; r.bad {
			break
		}
		out[i] = int32(v - 1)
		i++
	}
	return out
}
