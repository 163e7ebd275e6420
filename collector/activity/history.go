package activity

import "math"

const (
	// BinSeconds is the finest time that is counted, and the grid on which all
	// is evaluated.
	BinSeconds = 300

	// TailSeconds is the last part of an hour that is counted apart where the
	// five minutes are not known.
	TailSeconds = 900

	hourSeconds = 3600
	binsPerHour = hourSeconds / BinSeconds
	unknown     = -1
)

// History holds counts of messages by the time of their creation: by hour, and
// where they are known by five minutes or for the last quarter of an hour.
// Times are unix seconds; hours begin where unix time is a multiple of 3600.
//
// Of two counts of the same time the larger stays: what is deleted later was
// activity all the same.
type History struct {
	first int64   // the hour that hours[0] is for, as unix time / 3600
	hours []int32 // unknown where not counted
	tails []int32 // of each hour
	bins  []int32 // twelve for each hour

	// sums[i] is the number of messages in hours[:i], and gaps[i] that of
	// unknown hours; both hold for i <= summed.
	sums   []int64
	gaps   []int32
	summed int

	// guessed are the hours, by their beginning, whose parts are not counted but
	// spread evenly.
	guessed map[int64]bool

	// version moves when what was known or passed over before changes.
	version uint64
}

// NewHistory gives one that knows nothing.
func NewHistory() *History { return &History{} }

// Floor gives the latest multiple of step that is not after t.
func Floor(t, step int64) int64 {
	if r := t % step; r < 0 {
		return t - r - step
	} else {
		return t - r
	}
}

// Ceil gives the earliest multiple of step that is not before t.
func Ceil(t, step int64) int64 { return -Floor(-t, step) }

// index is the place of the hour that t lies in; it may lie outside.
func (h *History) index(t int64) int { return int(Floor(t, hourSeconds)/hourSeconds - h.first) }

// hold makes room for the hour that t lies in, and gives its place.
func (h *History) hold(t int64) int {
	if len(h.hours) == 0 {
		h.first = Floor(t, hourSeconds) / hourSeconds
	}
	i := h.index(t)
	if i < 0 {
		h.hours = append(fill(-i), h.hours...)
		h.tails = append(fill(-i), h.tails...)
		h.bins = append(fill(-i*binsPerHour), h.bins...)
		h.first += int64(i)
		h.summed = 0
		h.version++
		i = 0
	}
	if n := i + 1 - len(h.hours); n > 0 {
		h.hours = append(h.hours, fill(n)...)
		h.tails = append(h.tails, fill(n)...)
		h.bins = append(h.bins, fill(n*binsPerHour)...)
	}
	return i
}

func fill(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = unknown
	}
	return out
}

func clip(n int64) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

// raise notes a count where it is larger than what is there.
func (h *History) raise(at *int32, n int64, latest bool) bool {
	c := clip(n)
	if c <= *at {
		return false
	}
	if !latest || *at != unknown {
		h.version++
	}
	*at = c
	return true
}

// SetHour notes the messages of the hour that begins at t.
func (h *History) SetHour(t, n int64) {
	i := h.hold(t)
	if h.raise(&h.hours[i], n, i == len(h.hours)-1) {
		h.summed = min(h.summed, i)
	}
	if n == 0 {
		for b := range binsPerHour {
			h.SetBin(t+int64(b)*BinSeconds, 0)
		}
	}
}

// SetTail notes the messages of the last quarter of the hour that begins at t.
func (h *History) SetTail(t, n int64) {
	i := h.hold(t)
	h.raise(&h.tails[i], n, i == len(h.hours)-1)
}

// SetBin notes the messages of the five minutes that begin at t. When the last
// of an hour's is known, so is the hour.
func (h *History) SetBin(t, n int64) {
	i := h.hold(t)
	b := int(Floor(t, BinSeconds)/BinSeconds - h.first*binsPerHour)
	latest := i == len(h.hours)-1
	for later := b + 1; latest && later < len(h.bins); later++ {
		latest = h.bins[later] == unknown
	}
	h.raise(&h.bins[b], n, latest)
	sum := int64(0)
	for _, n := range h.bins[i*binsPerHour : (i+1)*binsPerHour] {
		if n == unknown {
			return
		}
		sum += int64(n)
	}
	if h.raise(&h.hours[i], sum, i == len(h.hours)-1) {
		h.summed = min(h.summed, i)
	}
}

// Hour is the number of messages in the hour that t lies in.
func (h *History) Hour(t int64) (n int64, known bool) {
	i := h.index(t)
	if i < 0 || i >= len(h.hours) || h.hours[i] == unknown {
		return 0, false
	}
	return int64(h.hours[i]), true
}

// Bin is the number of messages in the five minutes that t lies in.
func (h *History) Bin(t int64) (n int64, known bool) {
	b := Floor(t, BinSeconds)/BinSeconds - h.first*binsPerHour
	if b < 0 || b >= int64(len(h.bins)) || h.bins[b] == unknown {
		return 0, false
	}
	return int64(h.bins[b]), true
}

// Exact counts the messages from one multiple of five minutes to another,
// [from, to), from whole hours and from five minutes at both ends.
func (h *History) Exact(from, to int64) (n int64, known bool) {
	for t := from; t < to; {
		if t%hourSeconds == 0 && t+hourSeconds <= to {
			if c, ok := h.Hour(t); ok {
				n += c
				t += hourSeconds
				continue
			}
		}
		if c, ok := h.tail(t); ok && t+TailSeconds <= to {
			n += c
			t += TailSeconds
			continue
		}
		c, ok := h.Bin(t)
		if !ok {
			return 0, false
		}
		n += c
		t += BinSeconds
	}
	return n, true
}

// tail is the count of the last quarter of an hour, if t is where it begins
// and it was counted apart.
func (h *History) tail(t int64) (n int64, known bool) {
	i := h.index(t)
	if t-Floor(t, hourSeconds) != hourSeconds-TailSeconds || i < 0 || i >= len(h.tails) || h.tails[i] == unknown {
		return 0, false
	}
	return int64(h.tails[i]), true
}

// sum adds up to hour i.
func (h *History) sum(i int) {
	for len(h.sums) <= len(h.hours) {
		h.sums, h.gaps = append(h.sums, 0), append(h.gaps, 0)
	}
	for ; h.summed < i; h.summed++ {
		n, gap := int64(h.hours[h.summed]), int32(0)
		if n == unknown {
			n, gap = 0, 1
		}
		h.sums[h.summed+1] = h.sums[h.summed] + n
		h.gaps[h.summed+1] = h.gaps[h.summed] + gap
	}
}

// Between is the number of messages from one time to another, of which only
// whole hours are looked at: the messages of an hour count as spread evenly
// over it. It is known if all the hours that the two times touch are.
func (h *History) Between(from, to int64) (n float64, known bool) {
	i, j := h.index(from), h.index(to-1)
	if from >= to || i < 0 || j >= len(h.hours) {
		return 0, from == to
	}
	h.sum(j + 1)
	if h.gaps[j+1] != h.gaps[i] {
		return 0, false
	}
	return h.upTo(to) - h.upTo(from), true
}

// upTo is the number of messages before t. The hour of t is summed and known,
// or t is where the last summed hour ends.
func (h *History) upTo(t int64) float64 {
	i := h.index(t)
	n := float64(h.sums[i])
	if part := t - (h.first+int64(i))*hourSeconds; part > 0 {
		n += float64(h.hours[i]) * float64(part) / hourSeconds
	}
	return n
}

// Span is a time, [From, To).
type Span struct{ From, To int64 }

// MissingHours gives the runs of whole hours in [from, to) that are not known,
// the earliest first.
func (h *History) MissingHours(from, to int64) []Span {
	return missing(Ceil(from, hourSeconds), to, hourSeconds, h.Hour)
}

// MissingBins gives the runs of five minutes in [from, to) that are not known,
// the earliest first.
func (h *History) MissingBins(from, to int64) []Span {
	return missing(Ceil(from, BinSeconds), to, BinSeconds, h.Bin)
}

func missing(from, to, step int64, get func(int64) (int64, bool)) (out []Span) {
	for t := from; t+step <= to; t += step {
		if _, known := get(t); known {
			continue
		}
		if n := len(out); n > 0 && out[n-1].To == t {
			out[n-1].To = t + step
		} else {
			out = append(out, Span{t, t + step})
		}
	}
	return out
}

// End is the end of the latest five minutes or hour that is known; 0: none is.
func (h *History) End() int64 {
	for b := len(h.bins) - 1; b >= 0; b-- {
		if h.bins[b] != unknown {
			return (h.first*binsPerHour + int64(b) + 1) * BinSeconds
		}
		if i := b / binsPerHour; b%binsPerHour == binsPerHour-1 && h.hours[i] != unknown {
			return (h.first + int64(i) + 1) * hourSeconds
		}
	}
	return 0
}

// Forget drops all hours that end before t.
func (h *History) Forget(t int64) {
	n := min(h.index(t), len(h.hours))
	if n <= 0 {
		return
	}
	h.hours = append([]int32(nil), h.hours[n:]...)
	h.tails = append([]int32(nil), h.tails[n:]...)
	h.bins = append([]int32(nil), h.bins[n*binsPerHour:]...)
	h.first += int64(n)
	h.summed, h.sums, h.gaps = 0, nil, nil
}

// Cut drops all that is known of times at or after t.
func (h *History) Cut(t int64) {
	i := max(h.index(t), 0)
	if i >= len(h.hours) {
		return
	}
	h.hours, h.tails, h.bins = h.hours[:i+1], h.tails[:i+1], h.bins[:(i+1)*binsPerHour]
	begun := h.bins[i*binsPerHour:]
	h.hours[i], h.tails[i] = unknown, unknown
	for b := range begun {
		if (h.first+int64(i))*hourSeconds+int64(b+1)*BinSeconds > t {
			begun[b] = unknown
		}
	}
	h.summed = min(h.summed, i)
	h.version++
}

// Tail is the number of messages in the last quarter of the hour that t lies
// in.
func (h *History) Tail(t int64) (n int64, known bool) {
	from := Floor(t, hourSeconds) + hourSeconds - TailSeconds
	return h.Exact(from, from+TailSeconds)
}
