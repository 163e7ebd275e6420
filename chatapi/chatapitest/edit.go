package chatapitest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// DialogSpec describes a dialog for CreateDialog. What is zero is made up.
type DialogSpec struct {
	ID                   string    // 24 hexadecimal digits
	Type                 int       // 3, private
	UserID               int64     // the owner; the first occupant
	CreatedAt, UpdatedAt time.Time // by the server's clock; its now, and CreatedAt
	Occupants            []int64
	Admins               []int64

	Silent, Deleted     []int64  // silent_ids, deleted_ids
	SilentAs, DeletedAs ListForm // how they are written when empty

	LastMessageSent time.Time // last_message_date_sent; zero: no message yet
	E2EE            *bool     // nil: null
	Times           TimeFormat

	// Extra replaces or adds fields of the row, as it is rendered only; an
	// empty value leaves the field out.
	Extra map[string]json.RawMessage
}

// MessageSpec describes a message for CreateMessage. What is zero is made up,
// except for the dialog.
type MessageSpec struct {
	ID                   string    // 24 hexadecimal digits
	DialogID             string    // of a dialog that exists
	SenderID             int64     // the first occupant
	CreatedAt, UpdatedAt time.Time // by the server's clock; its now, and CreatedAt
	Times                TimeFormat

	// Extra replaces or adds fields of the row, as it is rendered only; an
	// empty value leaves the field out.
	Extra map[string]json.RawMessage
}

// CreateDialog adds a dialog and returns its _id. It panics if the spec's ID is
// malformed or taken.
func (s *Server) CreateDialog(spec DialogSpec) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := dialog{
		kind: typePrivate, e2ee: -1, owner: spec.UserID, created: s.specTime(spec.CreatedAt, s.serverNow()),
		occupants: slices.Clone(spec.Occupants), admins: slices.Clone(spec.Admins),
		silent: slices.Clone(spec.Silent), deleted: slices.Clone(spec.Deleted),
		silentAs: spec.SilentAs, deletedAs: spec.DeletedAs,
		format: spec.Times, over: fields(maps.Clone(spec.Extra)),
	}
	if spec.Type != 0 {
		d.kind = int32(spec.Type)
	}
	if d.owner == 0 && len(d.occupants) > 0 {
		d.owner = d.occupants[0]
	}
	if spec.E2EE != nil {
		d.e2ee = 0
		if *spec.E2EE {
			d.e2ee = 1
		}
	}
	d.updated = s.specTime(spec.UpdatedAt, d.created)
	if !spec.LastMessageSent.IsZero() {
		d.hasLast, d.lastSent, d.lastSender = true, spec.LastMessageSent.Unix(), d.owner
		d.lastID = newObjectID(d.lastSent, s.edits.Uint64())
	}
	d.id = s.specID(spec.ID, d.created/1000, s.store.dialogBy[byID])
	s.store.addDialog(d)
	return d.id.String()
}

// CreateMessage adds a message, which moves its dialog's updated_at and
// last_message fields unless they are later, and returns its _id. It panics if
// the spec's ID is malformed or taken, and if the dialog does not exist.
func (s *Server) CreateMessage(spec MessageSpec) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.dialogRow(spec.DialogID)
	if !ok {
		panic(fmt.Sprintf("chatapitest: a message in dialog %q, which does not exist", spec.DialogID))
	}
	m := message{dialog: row, sender: spec.SenderID, created: s.specTime(spec.CreatedAt, s.serverNow()), format: spec.Times}
	if d := &s.store.dialogs[row]; m.sender == 0 && len(d.occupants) > 0 {
		m.sender = d.occupants[0]
	}
	m.updated = s.specTime(spec.UpdatedAt, m.created)
	m.id = s.specID(spec.ID, m.created/1000, s.store.messageBy[byID])
	added := s.store.addMessage(m)
	if len(spec.Extra) > 0 {
		s.store.over[added] = fields(maps.Clone(spec.Extra))
	}
	return m.id.String()
}

func (s *Server) specTime(at time.Time, otherwise int64) int64 {
	if at.IsZero() {
		return otherwise
	}
	return min(max(at.UnixMilli(), 0), maxTime)
}

func (s *Server) specID(text string, seconds int64, taken *list) objectID {
	if text == "" {
		return newObjectID(seconds, s.edits.Uint64())
	}
	id, ok := parseObjectID(text)
	if !ok {
		panic(fmt.Sprintf("chatapitest: %q is not an ObjectId", text))
	}
	if _, ok := find(taken, id); ok {
		panic(fmt.Sprintf("chatapitest: %s exists already", text))
	}
	return id
}

func (s *Server) dialogRow(id string) (uint32, bool) {
	if oid, ok := parseObjectID(id); ok {
		return s.store.findDialog(oid)
	}
	return 0, false
}

// onDialog lets do work on a dialog and tells whether there is one.
func (s *Server) onDialog(id string, do func(row uint32)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.dialogRow(id)
	if ok {
		do(row)
	}
	return ok
}

func (s *Server) onMessage(id string, do func(row uint32)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	oid, ok := parseObjectID(id)
	if !ok {
		return false
	}
	row, ok := s.store.findMessage(oid)
	if ok {
		do(row)
	}
	return ok
}

// EditMessage edits a message now, which moves its updated_at. It tells whether
// the message exists.
func (s *Server) EditMessage(id string) bool {
	return s.onMessage(id, func(row uint32) { s.editMessage(row, s.serverNow()) })
}

func (s *Server) editMessage(row uint32, at int64) {
	m := &s.store.messages[row]
	m.edits = max(m.edits, m.edits+1) // stays at its highest
	s.store.touchMessage(row, at)
}

// ReadMessage has one more member read a message now, which moves its
// updated_at. It tells whether the message exists.
func (s *Server) ReadMessage(id string) bool {
	return s.onMessage(id, func(row uint32) { s.readMessage(row, s.serverNow()) })
}

func (s *Server) readMessage(row uint32, at int64) {
	m := &s.store.messages[row]
	m.readers = max(m.readers, m.readers+1)
	s.store.touchMessage(row, at)
}

// DeleteMessage removes a message for all. It tells whether there was one.
func (s *Server) DeleteMessage(id string) bool { return s.onMessage(id, s.store.removeMessage) }

// DeleteDialog removes a dialog and its messages for all. It tells whether
// there was one.
func (s *Server) DeleteDialog(id string) bool { return s.onDialog(id, s.store.removeDialog) }

// TouchDialog moves a dialog's updated_at to now, as an edit of its name would.
// It tells whether the dialog exists.
func (s *Server) TouchDialog(id string) bool {
	return s.onDialog(id, func(row uint32) { s.store.touchDialog(row, s.serverNow()) })
}

// Mute puts a user on a dialog's silent_ids. It tells whether the dialog exists.
func (s *Server) Mute(dialogID string, userID int64) bool {
	return s.onDialog(dialogID, func(row uint32) { s.mute(row, userID, true, s.serverNow()) })
}

// Unmute takes a user off a dialog's silent_ids. It tells whether the dialog
// exists.
func (s *Server) Unmute(dialogID string, userID int64) bool {
	return s.onDialog(dialogID, func(row uint32) { s.mute(row, userID, false, s.serverNow()) })
}

func (s *Server) mute(row uint32, userID int64, on bool, at int64) {
	edit := dialogEdit{dialog: s.store.dialogs[row]}
	edit.mute(userID, on)
	s.store.dialogs[row].silent = edit.dialog.silent
	if s.quirks.MuteMovesUpdatedAt {
		s.store.touchDialog(row, at)
	}
}

// DeleteFor puts a user on a dialog's deleted_ids: the dialog is gone for that
// user only. It tells whether the dialog exists.
func (s *Server) DeleteFor(dialogID string, userID int64) bool {
	return s.onDialog(dialogID, func(row uint32) { s.deleteFor(row, userID) })
}

func (s *Server) deleteFor(row uint32, userID int64) {
	d := &s.store.dialogs[row]
	d.deleted = union(d.deleted, []int64{userID})
}
