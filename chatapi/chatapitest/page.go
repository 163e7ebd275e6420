package chatapitest

import "slices"

func (v *view) best() path {
	return slices.MinFunc(v.paths, func(a, b path) int {
		if a.exact != b.exact && a.n == b.n {
			if a.exact {
				return -1
			}
			return 1
		}
		return a.n - b.n
	})
}

func (v *view) count() int {
	if v.none {
		return 0
	}
	for _, p := range v.paths {
		if p.exact {
			return p.n
		}
	}
	n := 0
	v.scan(v.best(), func(uint32) { n++ })
	return n
}

// scan yields the matching rows of a path in no promised order.
func (v *view) scan(p path, yield func(row uint32)) {
	for _, l := range p.lists {
		l.walk(l.rank(p.lo), l.rank(p.hi), false, func(k key) bool {
			if p.exact || v.match(k.row()) {
				yield(k.row())
			}
			return true
		})
	}
}

// gatherMost is how many rows are rather gathered and sorted than looked for in
// the order asked for.
const gatherMost = 4096

// page returns the rows at [skip, skip+limit) of the order of field.
func (v *view) page(field int, desc bool, skip, limit int) []uint32 {
	if v.none {
		return nil
	}
	best := v.best()
	skip = min(skip, best.n)
	turn := v.inTurn(field)
	if !turn.exact && best.n <= gatherMost {
		return v.gather(best, field, desc, skip, limit)
	}
	// All matches may be at the wrong end of the order: looking for them there
	// is given up once gathering would have been cheaper.
	patience := turn.n
	if !turn.exact {
		patience = min(patience, gatherMost+best.n/8)
	}
	rows, found := v.look(turn, desc, skip, limit, patience)
	if !found {
		return v.gather(best, field, desc, skip, limit)
	}
	return rows
}

// look walks a path of one list, testing at most patience rows; found is false
// if they were too few.
func (v *view) look(turn path, desc bool, skip, limit, patience int) (rows []uint32, found bool) {
	l := turn.lists[0]
	from, to := l.rank(turn.lo), l.rank(turn.hi)
	if turn.exact {
		if desc {
			to -= skip
		} else {
			from += skip
		}
		skip = 0
	}
	found = true
	l.walk(from, to, desc, func(k key) bool {
		if patience == 0 {
			found = false
			return false
		}
		patience--
		if !turn.exact && !v.match(k.row()) {
			return true
		}
		if skip > 0 {
			skip--
			return true
		}
		rows = append(rows, k.row())
		return len(rows) < limit
	})
	return rows, found
}

// gather looks at every row of a path and keeps those of the page.
func (v *view) gather(p path, field int, desc bool, skip, limit int) []uint32 {
	order := key.compare
	if desc {
		order = func(a, b key) int { return b.compare(a) }
	}
	want := skip + limit
	var keys []key
	var worst *key // what a key must come before to be on the page
	v.scan(p, func(row uint32) {
		k := v.key(field, row)
		if worst != nil && order(k, *worst) > 0 {
			return
		}
		if keys = append(keys, k); len(keys) > 4*want {
			slices.SortFunc(keys, order)
			keys = keys[:want]
			worst = &keys[want-1]
		}
	})
	slices.SortFunc(keys, order)
	keys = keys[min(skip, len(keys)):min(want, len(keys))]
	rows := make([]uint32, len(keys))
	for i, k := range keys {
		rows[i] = k.row()
	}
	return rows
}
