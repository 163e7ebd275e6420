package collector

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// ledger holds the dialogs that somebody muted or deleted for himself, and who
// did, packed: 16 bytes a dialog, and about 5 for each mute and deletion.
//
// A log is a ledger in the making: it may hold a dialog several times, of
// which the last counts, and dialogs without any mark, as a note that what is
// known of them is no longer so.
type ledger struct {
	ids  []chatapi.ObjectID
	ends []uint32 // where each one's marks end in data
	data []byte
}

// note appends what a dialog's row says, if it has marks or always is set.
func (l *ledger) note(d *chatapi.Dialog, always bool) {
	if len(d.SilentIDs) == 0 && len(d.DeletedIDs) == 0 {
		if always {
			l.append(d.ID, nil)
		}
		return
	}
	l.ids = append(l.ids, d.ID)
	l.data = append(l.data, byte(typeIndex(d.Type)))
	l.data = appendUsers(l.data, d.SilentIDs)
	l.data = appendUsers(l.data, d.DeletedIDs)
	l.ends = append(l.ends, uint32(len(l.data)))
}

func (l *ledger) append(id chatapi.ObjectID, marks []byte) {
	l.ids = append(l.ids, id)
	l.data = append(l.data, marks...)
	l.ends = append(l.ends, uint32(len(l.data)))
}

func (l *ledger) len() int { return len(l.ids) }

func (l *ledger) marks(i int) []byte {
	if i == 0 {
		return l.data[:l.ends[0]]
	}
	return l.data[l.ends[i-1]:l.ends[i]]
}

// with returns the ledger after what a log notes; both stay as they are.
func (l *ledger) with(log *ledger) *ledger {
	order := make([]int, log.len())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(log.ids[a].Compare(log.ids[b]), cmp.Compare(a, b))
	})
	out := &ledger{
		ids:  make([]chatapi.ObjectID, 0, l.len()+log.len()),
		ends: make([]uint32, 0, l.len()+log.len()),
		data: make([]byte, 0, len(l.data)+len(log.data)),
	}
	at := 0
	for n, i := range order {
		id := log.ids[i]
		if n+1 < len(order) && log.ids[order[n+1]] == id {
			continue
		}
		for ; at < l.len() && l.ids[at].Compare(id) < 0; at++ {
			out.append(l.ids[at], l.marks(at))
		}
		if at < l.len() && l.ids[at] == id {
			at++
		}
		if marks := log.marks(i); len(marks) > 0 {
			out.append(id, marks)
		}
	}
	for ; at < l.len(); at++ {
		out.append(l.ids[at], l.marks(at))
	}
	out.clip()
	return out
}

// sameMutes tells whether the row says what the ledger knows about who muted
// the dialog.
func (l *ledger) sameMutes(d *chatapi.Dialog) bool {
	i, known := slices.BinarySearchFunc(l.ids, d.ID, chatapi.ObjectID.Compare)
	if !known {
		return len(d.SilentIDs) == 0
	}
	row := appendUsers(nil, d.SilentIDs)
	return bytes.HasPrefix(l.marks(i)[1:], row)
}

// appendUsers packs a set of user ids: how many, the first, the distances.
// No set's packed form is the beginning of another's.
func appendUsers(b []byte, users []int64) []byte {
	users = slices.Clone(users)
	slices.Sort(users)
	users = slices.Compact(users)
	b = binary.AppendUvarint(b, uint64(len(users)))
	for i, u := range users {
		if i == 0 {
			b = binary.AppendVarint(b, u)
		} else {
			b = binary.AppendUvarint(b, uint64(u)-uint64(users[i-1]))
		}
	}
	return b
}

// readUsers unpacks what appendUsers packed.
func readUsers(b []byte, yield func(int64)) (n int, rest []byte, ok bool) {
	count, size := binary.Uvarint(b)
	if size <= 0 || count > uint64(len(b)) {
		return 0, nil, false
	}
	b = b[size:]
	var user int64
	for i := range count {
		if i == 0 {
			user, size = binary.Varint(b)
		} else {
			var step uint64
			step, size = binary.Uvarint(b)
			user += int64(step)
		}
		if size <= 0 {
			return 0, nil, false
		}
		b = b[size:]
		yield(user)
	}
	return int(count), b, true
}

// markCounts are the values that a ledger holds, by index of the dialog type.
type markCounts struct {
	muted, mutes, deleted, deletions [dialogTypeCount]int64
	users                            int64 // distinct, with at least one mute
}

// count goes through the ledger once.
func (l *ledger) count() (out markCounts, err error) {
	var muting []int64
	for i := range l.ids {
		marks := l.marks(i)
		if len(marks) == 0 || int(marks[0]) >= dialogTypeCount {
			return out, errPacked
		}
		t := marks[0]
		mutes, rest, ok := readUsers(marks[1:], func(u int64) { muting = append(muting, u) })
		if !ok {
			return out, errPacked
		}
		deletions, rest, ok := readUsers(rest, func(int64) {})
		if !ok || len(rest) > 0 {
			return out, errPacked
		}
		out.mutes[t] += int64(mutes)
		out.muted[t] += int64(min(mutes, 1))
		out.deletions[t] += int64(deletions)
		out.deleted[t] += int64(min(deletions, 1))
	}
	slices.Sort(muting)
	out.users = int64(len(slices.Compact(muting)))
	return out, nil
}

var errPacked = errors.New("the packed dialogs are damaged")

// pack writes the ledger as bytes: each id, the length of its marks, the marks.
func (l *ledger) pack() []byte {
	b := make([]byte, 0, len(l.ids)*(12+1)+len(l.data))
	for i, id := range l.ids {
		b = append(b, id[:]...)
		b = binary.AppendUvarint(b, uint64(len(l.marks(i))))
		b = append(b, l.marks(i)...)
	}
	return b
}

// unpackLedger reads what pack wrote, and checks all of it.
func unpackLedger(b []byte) (*ledger, error) {
	out := &ledger{}
	for len(b) > 0 {
		var id chatapi.ObjectID
		if len(b) < len(id) {
			return nil, errPacked
		}
		b = b[copy(id[:], b):]
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return nil, errPacked
		}
		if out.len() > 0 && out.ids[out.len()-1].Compare(id) >= 0 {
			return nil, errPacked
		}
		out.append(id, b[size:size+int(n)])
		b = b[size+int(n):]
	}
	if _, err := out.count(); err != nil {
		return nil, err
	}
	out.clip()
	return out, nil
}

// clip gives back what appending set aside.
func (l *ledger) clip() {
	l.ids, l.ends, l.data = slices.Clip(l.ids), slices.Clip(l.ends), slices.Clip(l.data)
}
