package activity

// Spread takes the messages of an hour, whose count is known, as spread evenly
// over those of its five minutes that are not, each quarter that was counted
// for itself. It is for looking back at hours in which nothing happened. How
// far a part of an hour strays is not learnt from what was spread.
func (h *History) Spread(t int64) {
	t = Floor(t, hourSeconds)
	if len(h.MissingBins(t, t+hourSeconds)) == 0 {
		return
	}
	n, known := h.Hour(t)
	if !known {
		return
	}
	tail, apart := h.Tail(t)
	if apart {
		quarter := t + hourSeconds - TailSeconds
		h.spreadOver(t, quarter, n-tail)
		h.spreadOver(quarter, t+hourSeconds, tail)
		return
	}
	h.spreadOver(t, t+hourSeconds, n)
	if h.guessed == nil {
		h.guessed = map[int64]bool{}
	}
	h.guessed[t] = true
}

// spreadOver spreads what is left of n over the unknown five minutes of
// [from, to).
func (h *History) spreadOver(from, to, n int64) {
	var lacking []int64
	for t := from; t < to; t += BinSeconds {
		if c, known := h.Bin(t); known {
			n -= c
		} else {
			lacking = append(lacking, t)
		}
	}
	n = max(n, 0)
	for i, t := range lacking {
		parts := int64(len(lacking) - i)
		part := (n + parts/2) / parts
		h.SetBin(t, part)
		n -= part
	}
}

// Expected is how many messages were normal from one time to another, and from
// how many past weeks that is known.
func (j *Judge) Expected(from, to int64) (n float64, weeks int) {
	m, weeks := j.expected(from, to)
	return unscaled(m), weeks
}
