package dialog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// The codes of the types of dialogs (vendor's page and Chat dialog model).
const (
	broadcast = 1
	group     = 2
	private   = 3
	public    = 4
)

// Row is a dialog with what people want to know of it.
type Row struct {
	chatapi.RawDialog
	Owner                    int64 // 0: not told
	Name, Photo, Description *string
	Admins                   []int64
	Pinned                   []string
	Count                    *int64 // of the members of a public dialog
	Extensions, Permissions  map[string]json.RawMessage

	fields map[string]json.RawMessage // all there are
}

// ReadRow reads what people are shown. Its errors hold no values.
func ReadRow(raw chatapi.RawDialog) (Row, error) {
	r := Row{RawDialog: raw}
	if err := json.Unmarshal(raw.JSON, &r.fields); err != nil {
		return r, fmt.Errorf("dialog %s: the row is broken JSON", raw.ID)
	}
	for name, target := range map[string]any{
		"user_id": &r.Owner, "admins_ids": &r.Admins, "pinned_messages_ids": &r.Pinned,
		"occupants_count": &r.Count, "extensions": &r.Extensions, "permissions": &r.Permissions,
	} {
		if value, ok := r.fields[name]; ok && json.Unmarshal(value, target) != nil {
			return r, fmt.Errorf("dialog %s: field %s is not what the vendor documents, so it cannot be shown in words", raw.ID, name)
		}
	}
	r.Name, r.Photo, r.Description = r.text("name"), r.text("photo"), r.text("description")
	return r, nil
}

// text is a field that should be a string; a photo may be a number, too.
func (r Row) text(name string) *string {
	value, ok := r.fields[name]
	if !ok || isNull(value) {
		return nil
	}
	s := plain(value)
	return &s
}

func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }

// plain is the text of a string, and the JSON of anything else: the API makes
// strings of both.
func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(bytes.TrimSpace(raw))
}

// TypeName is the type in words.
func (r Row) TypeName() string {
	switch r.Type {
	case broadcast:
		return "broadcast"
	case group:
		return "group"
	case private:
		return "private"
	case public:
		return "public"
	}
	return "other, code " + strconv.Itoa(r.Type)
}

// Listed tells whether the row names the members: the API does so for private
// and group dialogs only.
func (r Row) Listed() bool {
	return r.Type == private || r.Type == group || len(r.OccupantsIDs) > 0
}

// Muters are the users who muted the dialog, in order.
func (r Row) Muters() []int64 { return sortedSet(r.SilentIDs) }

// Listeners are the members who did not.
func (r Row) Listeners() []int64 { return less(sortedSet(r.OccupantsIDs), r.SilentIDs) }

// Outsiders are users who muted the dialog and are no members.
func (r Row) Outsiders() []int64 { return less(r.Muters(), r.OccupantsIDs) }

func sortedSet(ids []int64) []int64 {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// less is what is left of ids without those that go.
func less[T comparable](ids, gone []T) []T {
	return slices.DeleteFunc(slices.Clone(ids), func(id T) bool { return slices.Contains(gone, id) })
}

// union has each id once, those of the first list first.
func union[T comparable](ids, more []T) []T {
	all := []T{}
	for _, id := range slices.Concat(ids, more) {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}
