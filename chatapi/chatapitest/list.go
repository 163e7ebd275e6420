package chatapitest

import "slices"

// key orders rows in an index; the low half of lo is the row's number.
type key struct{ hi, lo uint64 }

func (k key) row() uint32 { return uint32(k.lo) }

func (k key) less(o key) bool { return k.hi < o.hi || k.hi == o.hi && k.lo < o.lo }

func (k key) compare(o key) int {
	switch {
	case k.less(o):
		return -1
	case o.less(k):
		return 1
	}
	return 0
}

const (
	chunkCap  = 1024
	chunkFill = 896 // of a chunk built at once, to leave room for what comes later
)

// list is a sorted set of keys that knows ranks: chunks of a bounded length, none empty. Finding, inserting and ranking cost a
// search over the chunks, a sum over their lengths and a move within one: microseconds at a million keys, and one pointer a chunk.
type list struct {
	chunks [][]key
	n      int
}

// newList takes sorted keys.
func newList(sorted []key) *list {
	l := &list{n: len(sorted), chunks: make([][]key, 0, len(sorted)/chunkFill+1)}
	for part := range slices.Chunk(sorted, chunkFill) {
		l.chunks = append(l.chunks, append(make([]key, 0, chunkCap), part...))
	}
	return l
}

// find returns the place of the first key not below k; the chunk is len(l.chunks) when there is none.
func (l *list) find(k key) (chunk, pos int) {
	lo, hi := 0, len(l.chunks)
	for lo < hi {
		mid := (lo + hi) / 2
		c := l.chunks[mid]
		if c[len(c)-1].less(k) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(l.chunks) {
		return lo, 0
	}
	pos, _ = slices.BinarySearchFunc(l.chunks[lo], k, key.compare)
	return lo, pos
}

// rank returns how many keys are below k.
func (l *list) rank(k key) int {
	chunk, pos := l.find(k)
	if chunk == len(l.chunks) {
		return l.n
	}
	for _, c := range l.chunks[:chunk] {
		pos += len(c)
	}
	return pos
}

// between returns how many keys are in [lo, hi).
func (l *list) between(lo, hi key) int {
	if !lo.less(hi) {
		return 0
	}
	return l.rank(hi) - l.rank(lo)
}

func (l *list) has(k key) bool {
	chunk, pos := l.find(k)
	return chunk < len(l.chunks) && l.chunks[chunk][pos] == k
}

func (l *list) insert(k key) {
	l.n++
	chunk, pos := l.find(k)
	if chunk == len(l.chunks) {
		if chunk == 0 || len(l.chunks[chunk-1]) == chunkCap {
			l.chunks = append(l.chunks, append(make([]key, 0, chunkCap), k))
			return
		}
		l.chunks[chunk-1] = append(l.chunks[chunk-1], k)
		return
	}
	c := l.chunks[chunk]
	if len(c) == chunkCap {
		half := append(make([]key, 0, chunkCap), c[chunkCap/2:]...)
		c = c[:chunkCap/2]
		l.chunks[chunk] = c
		l.chunks = slices.Insert(l.chunks, chunk+1, half)
		if pos > len(c) {
			chunk, pos, c = chunk+1, pos-len(c), half
		}
	}
	l.chunks[chunk] = slices.Insert(c, pos, k)
}

// remove panics if k is absent: an index that disagrees with the rows is a defect of this package.
func (l *list) remove(k key) {
	chunk, pos := l.find(k)
	if chunk == len(l.chunks) || l.chunks[chunk][pos] != k {
		panic("chatapitest: index lost a row")
	}
	l.n--
	c := slices.Delete(l.chunks[chunk], pos, pos+1)
	if len(c) == 0 {
		l.chunks = slices.Delete(l.chunks, chunk, chunk+1)
		return
	}
	l.chunks[chunk] = c
}

// walk yields the keys of ranks [from, to) upwards, or downwards from to-1, until yield says stop.
func (l *list) walk(from, to int, desc bool, yield func(key) bool) {
	if from >= to {
		return
	}
	step, at := 1, from
	if desc {
		step, at = -1, to-1
	}
	chunk := 0
	for at >= len(l.chunks[chunk]) {
		at -= len(l.chunks[chunk])
		chunk++
	}
	for left := to - from; left > 0; left-- {
		if !yield(l.chunks[chunk][at]) {
			return
		}
		at += step
		switch {
		case at < 0:
			if chunk--; chunk >= 0 {
				at = len(l.chunks[chunk]) - 1
			}
		case at == len(l.chunks[chunk]):
			chunk, at = chunk+1, 0
		}
	}
}
