package chatapi

import (
	"math"
	"slices"
)

// worthCutting is the number of rows from which on a piece is cut for idle
// workers. A cut costs half a page in the mean.
const worthCutting = 4 * MaxLimit

// backlog is what is left to be read, in pieces, and who reads where.
//
// A piece is read from both of its ends at once: two workers that share one
// come out even wherever its rows are, and need no guess where to cut it. Only
// for more workers than that it is cut, in the middle of its ids: each reply
// tells how many rows a piece has, so that a cut that missed is soon followed
// by a better one, and bisecting finds the rows however dense they are.
//
// What is read does not depend on these guesses. A reply proves that there are
// no rows but its own in a range of ids; that range is taken away from all
// pieces, and the rows that were in one of them are new.
type backlog struct {
	pieces []*piece // ascending, disjoint, none empty
	flying int      // reads that have no reply yet
	cut    bool     // before
}

// piece is a range of ids without a hole, and who reads it.
type piece struct {
	Span
	up, down *read // from its lower end, and from its upper one; nil: nobody
	counted  bool  // Rows is from a reply, not a guess
	taken    int64 // rows that came from it
}

// read is a request for the first page of a piece, or for its last one.
type read struct {
	Span  // of the piece, when the request was made
	down  bool
	taken int64 // from the piece by then
	stale bool  // the piece was cut since
}

func newBacklog(left []Span) *backlog {
	b := &backlog{}
	for _, s := range tidy(left) {
		b.pieces = append(b.pieces, &piece{Span: s})
	}
	return b
}

func (p *piece) readers() int {
	n := 0
	for _, r := range []*read{p.up, p.down} {
		if r != nil {
			n++
		}
	}
	return n
}

// next finds work for one of the workers that are free; nil: there is none that
// is worth a request.
func (b *backlog) next(free int) *read {
	p := b.busiest()
	if p == nil && b.divide(free) {
		p = b.busiest()
	}
	if p == nil {
		return nil
	}
	r := &read{Span: p.Span, taken: p.taken}
	if p.up == nil {
		p.up = r
	} else {
		p.down, r.down = r, true
	}
	b.flying++
	return r
}

// busiest is the piece with the most rows to a reader, with one more reader
// that would find rows.
func (b *backlog) busiest() (best *piece) {
	most := 0.0
	for _, p := range b.pieces {
		n, rows := p.readers(), float64(p.Rows)
		if p.Rows < 0 {
			rows = math.MaxFloat64
		}
		if n == 2 || n > 0 && rows <= float64(n*MaxLimit) {
			continue
		}
		if share := max(rows, 1) / float64(n+1); share > most {
			best, most = p, share
		}
	}
	return best
}

// divide cuts the piece with the most rows: the first time into one for every
// four workers, which leaves to later cuts, in two, what the replies tell of
// the pieces. Cutting for all workers at once wastes more on rows in clusters.
func (b *backlog) divide(free int) bool {
	at := -1
	for i, p := range b.pieces {
		if p.counted && !p.open() && p.Rows-int64(p.readers()*MaxLimit) >= worthCutting && (at < 0 || p.Rows > b.pieces[at].Rows) {
			at = i
		}
	}
	if at < 0 {
		return false
	}
	p, n := b.pieces[at], 2
	if !b.cut {
		n = max(n, min((free+p.readers()+3)/4, int(p.Rows/worthCutting)))
	}
	var parts []*piece
	for _, s := range p.Span.cut(n) {
		parts = append(parts, &piece{Span: s})
	}
	b.pieces, b.cut = slices.Replace(b.pieces, at, at+1, parts...), true
	if parts[0].up = p.up; p.up != nil {
		p.up.stale = true
	}
	if parts[len(parts)-1].down = p.down; p.down != nil {
		p.down.stale = true
	}
	return len(parts) > 1
}

// open tells whether it is being found out where the first or the last of all
// rows is. Until then most ids of the piece may be of times without rows.
func (p *piece) open() bool {
	return p.After == firstID && p.up != nil || p.To == lastID && p.down != nil
}

// fail takes back a read that got no reply.
func (b *backlog) fail(r *read) {
	b.flying--
	for _, p := range b.pieces {
		p.leave(r)
	}
}

func (p *piece) leave(r *read) bool {
	switch r {
	case p.up:
		p.up = nil
	case p.down:
		p.down = nil
	default:
		return false
	}
	return true
}

// done takes in the reply to a read: the ids of its rows, ascending and each
// once, and how many rows there were in the range that was asked for.
func (b *backlog) done(r *read, ids []ObjectID, total int64) {
	b.flying--
	proven := r.Span
	if total > int64(len(ids)) {
		if r.down {
			proven.After = ids[0].before()
		} else {
			proven.To = ids[len(ids)-1]
		}
	}
	left := b.pieces[:0]
	for _, p := range b.pieces {
		reader := p.leave(r)
		if fresh := p.without(proven, ids); reader && !r.stale {
			p.Rows, p.counted = max(0, total-(p.taken-r.taken)), true
		} else {
			p.Rows -= max(0, min(fresh, p.Rows))
		}
		if !p.empty() {
			left = append(left, p)
		}
	}
	clear(b.pieces[len(left):])
	b.pieces = left
}

// without takes a proven range away and tells how many rows that were. The range
// begins or ends where a piece did, so it leaves no hole in what is left of it.
func (p *piece) without(proven Span, ids []ObjectID) (rows int64) {
	lower := proven.After.Compare(p.After) <= 0 && p.After.Compare(proven.To) < 0
	upper := proven.To.Compare(p.To) >= 0 && p.To.Compare(proven.After) > 0
	if !lower && !upper {
		return 0
	}
	for _, id := range ids {
		if p.holds(id) {
			rows++
		}
	}
	p.taken += rows
	if lower {
		p.After = proven.To
	} else {
		p.To = proven.After
	}
	return rows
}

// passed tells whether an id is in none of the pieces.
func (b *backlog) passed(id ObjectID) bool {
	at, found := slices.BinarySearchFunc(b.pieces, id, func(p *piece, id ObjectID) int { return p.To.Compare(id) })
	return !found && (at == len(b.pieces) || !b.pieces[at].holds(id))
}

func (b *backlog) left() []Span {
	spans := make([]Span, len(b.pieces))
	for i, p := range b.pieces {
		spans[i] = p.Span
	}
	return spans
}

// rows is how many rows are left, -1: not known.
func (b *backlog) rows() (n int64) {
	for _, p := range b.pieces {
		if p.Rows < 0 {
			return -1
		}
		n += p.Rows
	}
	return n
}
