package activity

import "slices"

// Clone gives a copy.
func (h *History) Clone() *History {
	return &History{
		first: h.first,
		hours: slices.Clone(h.hours), tails: slices.Clone(h.tails), bins: slices.Clone(h.bins),
	}
}

// Merge takes in what another history knows: of two counts of the same time
// the larger. What would make the history longer than can be saved is dropped,
// the oldest first.
func (h *History) Merge(other *History) {
	for i := range other.hours {
		t := (other.first + int64(i)) * hourSeconds
		if n := other.hours[i]; n != unknown {
			h.SetHour(t, int64(n))
		}
		if n := other.tails[i]; n != unknown {
			h.SetTail(t, int64(n))
		}
		for b, n := range other.bins[i*binsPerHour : (i+1)*binsPerHour] {
			if n != unknown {
				h.SetBin(t+int64(b)*BinSeconds, int64(n))
			}
		}
	}
	if n := len(h.hours) - mostHours; n > 0 {
		h.Forget((h.first + int64(n)) * hourSeconds)
	}
}
