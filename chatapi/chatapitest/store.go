package chatapitest

import "slices"

// Time fields that have an index.
const (
	byCreated = iota
	byUpdated
	byLastSent // dialogs only; rows without a message are not in it
	timeFields
	byID = timeFields
)

// timeBits hold unix milliseconds until the year 2109 in an index of times
// within a dialog; the other bits are the dialog's row.
const (
	timeBits = 42
	maxTime  = 1<<timeBits - 1
)

// store holds the rows and keeps the indexes right. Rows are never reused.
type store struct {
	dialogs  []dialog
	messages []message
	over     map[uint32]fields // of messages

	dialogBy     [timeFields + 1]*list
	dialogKindBy map[int32]*[timeFields + 1]*list

	messageBy  [timeFields + 1]*list // byLastSent unused
	inDialogBy [byUpdated + 1]*list  // messages by dialog, then created or updated
}

// load takes rows whose indexes are still to be made.
func load(dialogs []dialog, messages []message) *store {
	st := &store{
		dialogs: dialogs, messages: messages,
		over:         map[uint32]fields{},
		dialogKindBy: map[int32]*[timeFields + 1]*list{},
	}
	index := func(n int, keyOf func(row uint32) (key, bool)) *list {
		keys := make([]key, 0, n)
		for row := range uint32(n) {
			if k, ok := keyOf(row); ok {
				keys = append(keys, k)
			}
		}
		slices.SortFunc(keys, key.compare)
		return newList(keys)
	}
	for field := range st.dialogBy {
		st.dialogBy[field] = index(len(dialogs), func(row uint32) (key, bool) {
			return st.dialogKey(field, row)
		})
	}
	for row := range dialogs {
		kind := dialogs[row].kind
		if st.dialogKindBy[kind] != nil {
			continue
		}
		lists := new([timeFields + 1]*list)
		for field := range lists {
			lists[field] = index(len(dialogs), func(row uint32) (key, bool) {
				if dialogs[row].kind != kind {
					return key{}, false
				}
				return st.dialogKey(field, row)
			})
		}
		st.dialogKindBy[kind] = lists
	}
	for _, field := range []int{byID, byCreated, byUpdated} {
		st.messageBy[field] = index(len(messages), func(row uint32) (key, bool) {
			return st.messageKey(field, row), true
		})
	}
	for field := range st.inDialogBy {
		st.inDialogBy[field] = index(len(messages), func(row uint32) (key, bool) {
			return st.inDialogKey(field, row), true
		})
	}
	return st
}

func (st *store) dialogKey(field int, row uint32) (key, bool) {
	d := &st.dialogs[row]
	switch field {
	case byID:
		return d.id.key(row), true
	case byCreated:
		return key{uint64(d.created), uint64(row)}, true
	case byUpdated:
		return key{uint64(d.updated), uint64(row)}, true
	}
	return key{uint64(d.lastSent) * 1000, uint64(row)}, d.hasLast
}

func (st *store) messageKey(field int, row uint32) key {
	m := &st.messages[row]
	switch field {
	case byID:
		return m.id.key(row)
	case byCreated:
		return key{uint64(m.created), uint64(row)}
	}
	return key{uint64(m.updated), uint64(row)}
}

func (st *store) inDialogKey(field int, row uint32) key {
	k := st.messageKey(field, row)
	k.hi |= uint64(st.messages[row].dialog) << timeBits
	return k
}

// withDialog takes a dialog out of the indexes of times, lets change edit it,
// and puts it back.
func (st *store) withDialog(row uint32, change func(*dialog)) {
	st.indexDialog(row, (*list).remove)
	change(&st.dialogs[row])
	st.indexDialog(row, (*list).insert)
}

func (st *store) indexDialog(row uint32, do func(*list, key)) {
	kind := st.dialogs[row].kind
	lists := st.dialogKindBy[kind]
	if lists == nil {
		lists = new([timeFields + 1]*list)
		for field := range lists {
			lists[field] = newList(nil)
		}
		st.dialogKindBy[kind] = lists
	}
	for field := range lists {
		if k, ok := st.dialogKey(field, row); ok {
			do(st.dialogBy[field], k)
			do(lists[field], k)
		}
	}
}

func (st *store) indexMessage(row uint32, do func(*list, key)) {
	for _, field := range []int{byID, byCreated, byUpdated} {
		do(st.messageBy[field], st.messageKey(field, row))
	}
	for field := range st.inDialogBy {
		do(st.inDialogBy[field], st.inDialogKey(field, row))
	}
}

func (st *store) addDialog(d dialog) uint32 {
	row := uint32(len(st.dialogs))
	st.dialogs = append(st.dialogs, d)
	st.indexDialog(row, (*list).insert)
	return row
}

// addMessage also moves its dialog, unless the dialog has something newer.
func (st *store) addMessage(m message) uint32 {
	row := uint32(len(st.messages))
	st.messages = append(st.messages, m)
	st.indexMessage(row, (*list).insert)
	st.withDialog(m.dialog, func(d *dialog) { d.took(&m) })
	return row
}

// took makes m the last message of d.
func (d *dialog) took(m *message) {
	if sent := m.created / 1000; !d.hasLast || sent >= d.lastSent {
		d.hasLast, d.lastSent, d.lastID, d.lastSender = true, sent, m.id, m.sender
	}
	d.updated = max(d.updated, m.created)
}

func (st *store) touchMessage(row uint32, at int64) {
	m := &st.messages[row]
	if at <= m.updated {
		return
	}
	st.messageBy[byUpdated].remove(st.messageKey(byUpdated, row))
	st.inDialogBy[byUpdated].remove(st.inDialogKey(byUpdated, row))
	m.updated = at
	st.messageBy[byUpdated].insert(st.messageKey(byUpdated, row))
	st.inDialogBy[byUpdated].insert(st.inDialogKey(byUpdated, row))
}

// touchDialog moves updated_at forward, never back.
func (st *store) touchDialog(row uint32, at int64) {
	st.withDialog(row, func(d *dialog) { d.updated = max(d.updated, at) })
}

func (st *store) removeMessage(row uint32) {
	st.indexMessage(row, (*list).remove)
	st.messages[row].dead = true
	delete(st.over, row)
}

// removeDialog removes its messages too.
func (st *store) removeDialog(row uint32) {
	for _, m := range st.messagesOf(row) {
		st.removeMessage(m)
	}
	st.indexDialog(row, (*list).remove)
	st.dialogs[row].dead = true
}

func (st *store) messagesOf(dialog uint32) []uint32 {
	l := st.inDialogBy[byCreated]
	lo, hi := dialogBounds(dialog, 0, maxTime+1)
	var rows []uint32
	l.walk(l.rank(lo), l.rank(hi), false, func(k key) bool {
		rows = append(rows, k.row())
		return true
	})
	return rows
}

// dialogBounds is the range of keys of [from, to) milliseconds in a dialog.
func dialogBounds(dialog uint32, from, to uint64) (lo, hi key) {
	base := uint64(dialog) << timeBits
	return key{base + from, 0}, key{base + to, 0}
}

func (st *store) findDialog(id objectID) (uint32, bool) { return find(st.dialogBy[byID], id) }

func (st *store) findMessage(id objectID) (uint32, bool) { return find(st.messageBy[byID], id) }

func find(l *list, id objectID) (row uint32, ok bool) {
	from := l.rank(id.key(0))
	l.walk(from, l.rank(id.key(lastRow)), false, func(k key) bool {
		row, ok = k.row(), true
		return false
	})
	return row, ok
}

func (st *store) idOf(endpoint string, row uint32) objectID {
	if endpoint == Dialogs {
		return st.dialogs[row].id
	}
	return st.messages[row].id
}

// timeOf is a time of a row in unix milliseconds, where it has one.
func (st *store) timeOf(endpoint string, field int, row uint32) (int64, bool) {
	if endpoint == Dialogs {
		k, ok := st.dialogKey(field, row)
		return int64(k.hi), ok
	}
	return int64(st.messageKey(field, row).hi), true
}
