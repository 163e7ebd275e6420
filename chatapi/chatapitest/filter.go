package chatapitest

import "math"

// span is a range of unix milliseconds, [from, to).
type span struct {
	from, to uint64
	set      bool
}

func (s *span) narrow(from, to uint64) {
	if !s.set {
		*s = span{0, maxTime + 1, true}
	}
	s.from, s.to = max(s.from, from), min(s.to, to)
}

func (s span) holds(at uint64) bool { return s.from <= at && at < s.to }

// filter is what a request asks of a row; all of it must hold.
type filter struct {
	idFrom, idTo key // [from, to) in an index by id
	idSet        bool
	times        [timeFields]span
	dialog       *uint32 // messages of this one only
	kinds        []func(int32) bool
	tests        []func(row uint32) bool
	none         bool // nothing can match
}

func newFilter() *filter { return &filter{idTo: key{math.MaxUint64, math.MaxUint64}} }

func (f *filter) narrowID(from, to key) {
	f.idSet = true
	if f.idFrom.less(from) {
		f.idFrom = from
	}
	if to.less(f.idTo) {
		f.idTo = to
	}
}

func (f *filter) kindOK(kind int32) bool {
	for _, ok := range f.kinds {
		if !ok(kind) {
			return false
		}
	}
	return true
}

// constraints counts what an index can take off the row by row test, and the
// tests, which none can.
func (f *filter) constraints() int {
	n := len(f.tests)
	if f.idSet {
		n++
	}
	for _, s := range f.times {
		if s.set {
			n++
		}
	}
	if len(f.kinds) > 0 {
		n++
	}
	if f.dialog != nil {
		n++
	}
	return n
}

// bounds is the range of keys a filter leaves of the index of field, and
// whether it narrows it at all.
func (f *filter) bounds(field int) (lo, hi key, set bool) {
	if field == byID {
		return f.idFrom, f.idTo, f.idSet
	}
	s := f.times[field]
	if !s.set {
		return key{}, key{math.MaxUint64, math.MaxUint64}, false
	}
	return key{s.from, 0}, key{s.to, 0}, true
}

func (f *filter) idHolds(k key) bool { return !k.less(f.idFrom) && k.less(f.idTo) }

func (f *filter) timesHold(created, updated int64) bool {
	return (!f.times[byCreated].set || f.times[byCreated].holds(uint64(created))) &&
		(!f.times[byUpdated].set || f.times[byUpdated].holds(uint64(updated)))
}

func (f *filter) testsHold(row uint32) bool {
	for _, ok := range f.tests {
		if !ok(row) {
			return false
		}
	}
	return true
}
