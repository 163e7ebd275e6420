package chatapitest

import "encoding/json"

// Type codes of dialogs, as the server documentation has them. The vendor's
// JavaScript SDK also knows 5, meeting.
const (
	typeBroadcast = 1
	typeGroup     = 2
	typePrivate   = 3
	typePublic    = 4
	typeMeeting   = 5
)

// fields replaces or adds fields of a rendered row; an empty value leaves the
// field out.
type fields map[string]json.RawMessage

// dialog is what is stored of a dialog; render derives the rest from its id.
type dialog struct {
	id         objectID
	lastID     objectID
	kind       int32
	dead       bool
	hasLast    bool // last* hold something
	e2ee       int8 // -1 null, 0 false, 1 true
	silentAs   ListForm
	deletedAs  ListForm
	format     TimeFormat // ISO leaves it to the quirks
	owner      int64
	created    int64 // unix milliseconds
	updated    int64 // unix milliseconds
	lastSent   int64 // unix seconds
	lastSender int64
	occupants  []int64
	silent     []int64
	deleted    []int64
	admins     []int64
	over       fields
}

// message is what is stored of a message. It holds no pointers: a million of
// them cost the garbage collector nothing.
type message struct {
	id      objectID
	dialog  uint32
	created int64 // unix milliseconds
	updated int64 // unix milliseconds
	sender  int64
	readers uint16 // members besides the sender who read it
	edits   uint8
	dead    bool
	format  TimeFormat // ISO leaves it to the quirks
}
