package chatapi

// Dialog is a row of Dialogs List, reduced to what this project reads.
// Times are unix seconds, fractions cut off.
type Dialog struct {
	ID                  ObjectID
	CreatedAt           int64
	UpdatedAt           int64
	Type                int     // 1 broadcast, 2 group, 3 private, 4 public; others exist
	LastMessageDateSent int64   // 0: no message ever (null or missing)
	OccupantsIDs        []int64 // null or missing: empty
	SilentIDs           []int64 // users who muted the dialog
	DeletedIDs          []int64 // users who deleted it on their side
	IsE2EE              bool    // null or missing: false
}

// Message is a row of Messages List, reduced to what this project reads.
// Times are unix seconds, fractions cut off.
type Message struct {
	ID           ObjectID
	ChatDialogID ObjectID // zero: null or missing
	CreatedAt    int64
	UpdatedAt    int64
}

// Page is one reply of a list endpoint.
type Page[T any] struct {
	Total int64 // total_entries: rows that match the filters
	Items []T
}

func (d *Dialog) id() ObjectID { return d.ID }

func (d *Dialog) time(f TimeField) (unix int64, known bool) {
	switch f {
	case CreatedAt:
		return d.CreatedAt, true
	case UpdatedAt:
		return d.UpdatedAt, true
	case LastMessageDateSent:
		return d.LastMessageDateSent, true
	}
	return 0, false
}

func (d *Dialog) oid(f IDField) (ObjectID, bool) { return d.ID, f == ID }

func (d *Dialog) code() (int, bool) { return d.Type, true }

func (m *Message) id() ObjectID { return m.ID }

func (m *Message) time(f TimeField) (unix int64, known bool) {
	switch f {
	case CreatedAt:
		return m.CreatedAt, true
	case UpdatedAt:
		return m.UpdatedAt, true
	}
	return 0, false
}

func (m *Message) oid(f IDField) (ObjectID, bool) {
	if f == ChatDialogID {
		return m.ChatDialogID, true
	}
	return m.ID, f == ID
}

func (m *Message) code() (int, bool) { return 0, false }
