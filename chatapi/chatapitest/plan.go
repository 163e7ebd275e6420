package chatapitest

// path is a way to the matching rows: a range of one index, or of the same
// index of several types of dialogs.
type path struct {
	lists  []*list
	lo, hi key
	n      int  // rows in the range
	exact  bool // all of them match
}

func newPath(lo, hi key, exact bool, lists ...*list) path {
	p := path{lists: lists, lo: lo, hi: hi, exact: exact}
	for _, l := range lists {
		p.n += l.between(lo, hi)
	}
	return p
}

// view is a filter applied to one of the two collections.
type view struct {
	none   bool
	paths  []path                          // every index that narrows the rows; at least one
	inTurn func(field int) path            // a path of one list, in the order of field
	match  func(row uint32) bool           // the filter, row by row
	key    func(field int, row uint32) key // what a field's order compares
}

func (st *store) dialogView(f *filter) *view {
	v := &view{none: f.none, key: func(field int, row uint32) key {
		k, _ := st.dialogKey(field, row)
		return k
	}}
	total := f.constraints()
	lists := func(field int) []*list {
		if len(f.kinds) == 0 {
			return []*list{st.dialogBy[field]}
		}
		var some []*list
		for kind, by := range st.dialogKindBy {
			if f.kindOK(kind) {
				some = append(some, by[field])
			}
		}
		return some
	}
	ofKind := 0
	if len(f.kinds) > 0 {
		ofKind = 1
	}
	along := func(field int, some []*list, covered int) path {
		lo, hi, set := f.bounds(field)
		if set {
			covered++
		}
		return newPath(lo, hi, total == covered, some...)
	}
	for field := range st.dialogBy {
		if _, _, set := f.bounds(field); set || field == byID {
			v.paths = append(v.paths, along(field, lists(field), ofKind))
		}
	}
	v.inTurn = func(field int) path {
		if some := lists(field); len(some) == 1 {
			return along(field, some, ofKind)
		}
		return along(field, []*list{st.dialogBy[field]}, 0)
	}
	v.match = func(row uint32) bool {
		d := &st.dialogs[row]
		if f.idSet && !f.idHolds(d.id.key(row)) || !f.kindOK(d.kind) ||
			!f.timesHold(d.created, d.updated) ||
			f.times[byLastSent].set && (!d.hasLast || !f.times[byLastSent].holds(uint64(d.lastSent)*1000)) {
			return false
		}
		return f.testsHold(row)
	}
	return v
}

func (st *store) messageView(f *filter) *view {
	v := &view{none: f.none, key: st.messageKey}
	total := f.constraints()
	at := func(field int) path {
		lo, hi, set := f.bounds(field)
		covered := 0
		if set {
			covered++
		}
		if f.dialog == nil || field == byID {
			return newPath(lo, hi, total == covered, st.messageBy[field])
		}
		lo, hi = dialogBounds(*f.dialog, lo.hi, min(hi.hi, maxTime+1))
		return newPath(lo, hi, total == covered+1, st.inDialogBy[field])
	}
	for _, field := range []int{byID, byCreated, byUpdated} {
		if _, _, set := f.bounds(field); set || field == byID || f.dialog != nil && field == byCreated {
			v.paths = append(v.paths, at(field))
		}
	}
	v.inTurn = at
	v.match = func(row uint32) bool {
		m := &st.messages[row]
		if f.idSet && !f.idHolds(m.id.key(row)) || f.dialog != nil && m.dialog != *f.dialog ||
			!f.timesHold(m.created, m.updated) {
			return false
		}
		return f.testsHold(row)
	}
	return v
}
