package chatapitest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// TruthDialog is a dialog as its rendered row says. Times are unix seconds.
type TruthDialog struct {
	ID                   string
	Type                 int
	CreatedAt, UpdatedAt int64
	LastMessageDateSent  *int64 // nil: no message ever
	Occupants            []int64
	Silent, Deleted      []int64 // nil where missing or null
	E2EE                 bool
	Row                  json.RawMessage
}

// TruthMessage is a message as its rendered row says. Times are unix seconds.
type TruthMessage struct {
	ID, DialogID         string
	SenderID             int64
	CreatedAt, UpdatedAt int64
	DateSent             int64
	Row                  json.RawMessage
}

// Truth is a copy of all rows, to compute figures from by looking at each one.
type Truth struct {
	Dialogs  []TruthDialog  // in the order they were made
	Messages []TruthMessage // in the order they were made
}

// Truth copies the rows as the server would render them now, all at one
// instant. It panics if a row does not decode, as one may not that a spec's
// Extra gave a wrong type.
func (s *Server) Truth() *Truth {
	dialogs, messages := s.rows()
	t := &Truth{Dialogs: make([]TruthDialog, len(dialogs)), Messages: make([]TruthMessage, len(messages))}
	for i, row := range dialogs {
		t.Dialogs[i] = decodeDialog(row)
	}
	for i, row := range messages {
		t.Messages[i] = decodeMessage(row)
	}
	return t
}

func (s *Server) rows() (dialogs, messages []json.RawMessage) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for row := range s.store.dialogs {
		if !s.store.dialogs[row].dead {
			dialogs = append(dialogs, slices.Clip(s.appendDialog(nil, uint32(row), nil)))
		}
	}
	for row := range s.store.messages {
		if !s.store.messages[row].dead {
			messages = append(messages, slices.Clip(s.appendMessage(nil, uint32(row), nil)))
		}
	}
	return dialogs, messages
}

// instant is a time that is a string or a number.
type instant int64

func (i *instant) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '"' {
		return json.Unmarshal(b, (*int64)(i))
	}
	var at time.Time
	err := json.Unmarshal(b, &at)
	*i = instant(at.Unix())
	return err
}

func decodeDialog(row json.RawMessage) TruthDialog {
	var d struct {
		ID        string  `json:"_id"`
		Type      int     `json:"type"`
		CreatedAt instant `json:"created_at"`
		UpdatedAt instant `json:"updated_at"`
		LastSent  *int64  `json:"last_message_date_sent"`
		Occupants []int64 `json:"occupants_ids"`
		Silent    []int64 `json:"silent_ids"`
		Deleted   []int64 `json:"deleted_ids"`
		E2EE      *bool   `json:"is_e2ee"`
	}
	if err := json.Unmarshal(row, &d); err != nil {
		panic(fmt.Sprintf("chatapitest: a dialog that does not decode: %v\n%s", err, row))
	}
	return TruthDialog{
		ID: d.ID, Type: d.Type, CreatedAt: int64(d.CreatedAt), UpdatedAt: int64(d.UpdatedAt),
		LastMessageDateSent: d.LastSent, Occupants: d.Occupants, Silent: d.Silent, Deleted: d.Deleted,
		E2EE: d.E2EE != nil && *d.E2EE, Row: row,
	}
}

func decodeMessage(row json.RawMessage) TruthMessage {
	var m struct {
		ID        string  `json:"_id"`
		DialogID  string  `json:"chat_dialog_id"`
		SenderID  int64   `json:"sender_id"`
		CreatedAt instant `json:"created_at"`
		UpdatedAt instant `json:"updated_at"`
		DateSent  int64   `json:"date_sent"`
	}
	if err := json.Unmarshal(row, &m); err != nil {
		panic(fmt.Sprintf("chatapitest: a message that does not decode: %v\n%s", err, row))
	}
	return TruthMessage{
		ID: m.ID, DialogID: m.DialogID, SenderID: m.SenderID,
		CreatedAt: int64(m.CreatedAt), UpdatedAt: int64(m.UpdatedAt), DateSent: m.DateSent, Row: row,
	}
}

// CountDialogs counts the dialogs that is holds for.
func (t *Truth) CountDialogs(is func(TruthDialog) bool) int {
	n := 0
	for _, d := range t.Dialogs {
		if is(d) {
			n++
		}
	}
	return n
}

// CountMessages counts the messages that is holds for.
func (t *Truth) CountMessages(is func(TruthMessage) bool) int {
	n := 0
	for _, m := range t.Messages {
		if is(m) {
			n++
		}
	}
	return n
}

// DialogsByType counts dialogs by type code.
func (t *Truth) DialogsByType() map[int]int {
	return t.byType(func(TruthDialog) int { return 1 })
}

// byType sums weigh by type code; types whose sum is 0 are absent.
func (t *Truth) byType(weigh func(TruthDialog) int) map[int]int {
	sums := map[int]int{}
	for _, d := range t.Dialogs {
		if n := weigh(d); n > 0 {
			sums[d.Type] += n
		}
	}
	return sums
}

// NewDialogs counts dialogs with created_at in [from, to), unix seconds.
func (t *Truth) NewDialogs(from, to int64) int {
	return t.CountDialogs(func(d TruthDialog) bool { return from <= d.CreatedAt && d.CreatedAt < to })
}

// NewMessages counts messages with created_at in [from, to), unix seconds.
func (t *Truth) NewMessages(from, to int64) int {
	return t.CountMessages(func(m TruthMessage) bool { return from <= m.CreatedAt && m.CreatedAt < to })
}

// UpdatedDialogs counts dialogs with updated_at in [from, to), unix seconds.
func (t *Truth) UpdatedDialogs(from, to int64) int {
	return t.CountDialogs(func(d TruthDialog) bool { return from <= d.UpdatedAt && d.UpdatedAt < to })
}

// UpdatedMessages counts messages with updated_at in [from, to), unix seconds.
func (t *Truth) UpdatedMessages(from, to int64) int {
	return t.CountMessages(func(m TruthMessage) bool { return from <= m.UpdatedAt && m.UpdatedAt < to })
}

// ActiveDialogs counts dialogs with last_message_date_sent in [from, to), unix
// seconds.
func (t *Truth) ActiveDialogs(from, to int64) int {
	return t.CountDialogs(func(d TruthDialog) bool {
		return d.LastMessageDateSent != nil && from <= *d.LastMessageDateSent && *d.LastMessageDateSent < to
	})
}

// NewestMessage returns the latest created_at, in unix seconds, if there is any
// message.
func (t *Truth) NewestMessage() (int64, bool) {
	var newest int64
	for _, m := range t.Messages {
		newest = max(newest, m.CreatedAt)
	}
	return newest, len(t.Messages) > 0
}

// MutedDialogs counts dialogs by type that at least one user muted.
func (t *Truth) MutedDialogs() map[int]int {
	return t.byType(func(d TruthDialog) int { return min(len(d.Silent), 1) })
}

// DialogMutes counts (user, dialog) pairs of mutes by type of dialog.
func (t *Truth) DialogMutes() map[int]int {
	return t.byType(func(d TruthDialog) int { return distinct(d.Silent) })
}

// MutingUsers counts users with at least one mute.
func (t *Truth) MutingUsers() int {
	var all []int64
	for _, d := range t.Dialogs {
		all = append(all, d.Silent...)
	}
	return distinct(all)
}

// DeletedDialogs counts dialogs by type that at least one user deleted for
// himself.
func (t *Truth) DeletedDialogs() map[int]int {
	return t.byType(func(d TruthDialog) int { return min(len(d.Deleted), 1) })
}

// DialogDeletions counts (user, dialog) pairs of such deletions by type.
func (t *Truth) DialogDeletions() map[int]int {
	return t.byType(func(d TruthDialog) int { return distinct(d.Deleted) })
}

// Members sums occupants by type of dialog.
func (t *Truth) Members() map[int]int {
	return t.byType(func(d TruthDialog) int { return len(d.Occupants) })
}

// EncryptedDialogs counts dialogs by type whose is_e2ee is true.
func (t *Truth) EncryptedDialogs() map[int]int {
	return t.byType(func(d TruthDialog) int {
		if d.E2EE {
			return 1
		}
		return 0
	})
}

// UnusedDialogs counts dialogs by type that never had a message.
func (t *Truth) UnusedDialogs() map[int]int {
	return t.byType(func(d TruthDialog) int {
		if d.LastMessageDateSent == nil {
			return 1
		}
		return 0
	})
}

func distinct(ids []int64) int {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return len(slices.Compact(ids))
}
