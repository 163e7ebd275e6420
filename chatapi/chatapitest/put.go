package chatapitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
)

// Limits of Dialog Update (https://developers.connectycube.com/server/chat#update-a-dialog).
const (
	maxAdmins     = 5
	maxExtensions = 3
)

// update answers PUT /admin/chat/{dialog_id}: all of it happens, or nothing.
func (s *Server) update(x *exchange) {
	if ct := x.r.Header.Get("Content-Type"); ct != "" {
		if media, _, err := mime.ParseMediaType(ct); err != nil || media != "application/json" {
			s.refuse(x, &problem{status: http.StatusUnsupportedMediaType, text: "Content-Type must be application/json"})
			return
		}
	}
	reply, bad := s.updateDialog(x)
	if bad != nil {
		s.refuse(x, bad)
		return
	}
	s.send(x, http.StatusOK, typeJSON, reply)
}

func (s *Server) updateDialog(x *exchange) ([]byte, *problem) {
	id, ok := parseObjectID(x.dialogID)
	if !ok {
		return nil, invalid("_id", "must be an ObjectId")
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(x.body, &body); err != nil || body == nil {
		return nil, &problem{status: http.StatusBadRequest, text: "the body must be a JSON object"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.store.findDialog(id)
	if !ok {
		return nil, &problem{status: http.StatusNotFound, shape: BodyList, text: "dialog not found"}
	}
	edit := dialogEdit{dialog: s.store.dialogs[row], quirks: &s.quirks, row: s.appendDialog(nil, row, nil)}
	if bad := edit.take(body); bad != nil {
		return nil, bad
	}
	if edit.changed || edit.muted && s.quirks.MuteMovesUpdatedAt {
		edit.dialog.updated = max(edit.dialog.updated, s.serverNow())
	}
	s.store.withDialog(row, func(d *dialog) { *d = edit.dialog })
	return s.appendDialog(nil, row, nil), nil
}

// dialogEdit is a dialog as a PUT would leave it. Lists and maps it changes are
// copies.
type dialogEdit struct {
	dialog  dialog
	quirks  *Quirks
	row     []byte // as it is shown before
	muted   bool   // somebody muted or unmuted
	changed bool   // anything else
}

func (e *dialogEdit) take(body map[string]json.RawMessage) *problem {
	if len(body) == 0 {
		return invalid("", "must name something to change")
	}
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if bad := e.takeField(name, body[name]); bad != nil {
			return bad
		}
	}
	if e.quirks.OneListTwiceRefused && overlap(body["push_all"], body["pull_all"]) {
		return invalid("pull_all", "conflicts with push_all")
	}
	if body["is_muted"] == nil && body["user_id"] == nil {
		return nil
	}
	var user *int64
	var muted *bool
	if decode(body["user_id"], &user) != nil || user == nil || *user <= 0 {
		return invalid("user_id", "must be the id of the user who mutes")
	}
	if decode(body["is_muted"], &muted) != nil || muted == nil {
		return invalid("is_muted", "must be a boolean")
	}
	e.mute(*user, *muted)
	return nil
}

func (e *dialogEdit) takeField(name string, raw json.RawMessage) *problem {
	switch name {
	case "user_id", "is_muted":
		return nil // with one another, in take
	case "name", "photo", "description":
		if decode(raw, new(*string)) != nil {
			return invalid(name, "must be a string or null")
		}
		if e.dialog.kind != typePrivate || name == "description" || e.quirks.PrivateDialogsNamed {
			e.override(name, raw)
		}
	case "extensions":
		return e.takeExtensions(raw)
	case "permissions":
		if decode(raw, new(*struct {
			AllowPreview *bool `json:"allow_preview"`
		})) != nil {
			return invalid(name, "must be an object with allow_preview, or null")
		}
		e.override(name, raw)
	case "push_all", "pull_all":
		return e.takeLists(name, raw)
	default:
		return invalid(name, "is not allowed")
	}
	return nil
}

func notObjectID(s string) bool {
	_, ok := parseObjectID(s)
	return !ok
}

// takeExtensions keeps values as strings, whatever they came as, and leaves out
// those that the application does not have.
func (e *dialogEdit) takeExtensions(raw json.RawMessage) *problem {
	var values map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	bad := invalid("extensions", fmt.Sprintf("must be an object of at most %d keys, or null", maxExtensions))
	if decoder.Decode(&values) != nil || len(values) > maxExtensions {
		return bad
	}
	if values != nil {
		texts := map[string]string{}
		if e.quirks.ExtensionsMerge {
			before := struct{ Extensions *map[string]string }{&texts}
			_ = json.Unmarshal(e.row, &before) // none yet: none
		}
		for key, value := range values {
			if e.quirks.Extensions == nil || slices.Contains(e.quirks.Extensions, key) {
				texts[key] = fmt.Sprint(value)
			}
		}
		if len(texts) > maxExtensions {
			return bad
		}
		raw, _ = json.Marshal(texts) // no map of strings fails to marshal
	}
	e.override("extensions", raw)
	return nil
}

// takeLists adds to the lists of a dialog, or removes from them.
func (e *dialogEdit) takeLists(name string, raw json.RawMessage) *problem {
	var change *struct {
		Occupants []int64  `json:"occupants_ids"`
		Admins    []int64  `json:"admins_ids"`
		Pinned    []string `json:"pinned_messages_ids"`
	}
	if decode(raw, &change) != nil || change == nil || change.Occupants == nil && change.Admins == nil && change.Pinned == nil {
		return invalid(name, "must be an object with occupants_ids, admins_ids or pinned_messages_ids")
	}
	if change.Occupants != nil && e.dialog.kind != typeGroup && e.dialog.kind != typePublic {
		return &problem{status: http.StatusForbidden, text: "occupants can be changed in group and public dialogs only"}
	}
	if change.Admins != nil && e.dialog.kind == typePrivate {
		return &problem{status: http.StatusForbidden, text: "a private dialog has no admins"}
	}
	if slices.ContainsFunc(change.Pinned, notObjectID) {
		return invalid("pinned_messages_ids", "must be a list of ObjectIds")
	}
	var pinned []string
	_ = json.Unmarshal(e.dialog.over["pinned_messages_ids"], &pinned) // none yet: none
	if name == "push_all" {
		e.dialog.occupants = union(e.dialog.occupants, change.Occupants)
		e.dialog.admins = union(e.dialog.admins, change.Admins)
		pinned = union(pinned, change.Pinned)
	} else {
		e.dialog.occupants = without(e.dialog.occupants, change.Occupants...)
		e.dialog.admins = without(e.dialog.admins, change.Admins...)
		pinned = without(pinned, change.Pinned...)
	}
	if len(e.dialog.admins) > maxAdmins {
		return invalid("admins_ids", fmt.Sprintf("must be at most %d user ids", maxAdmins))
	}
	if change.Pinned != nil {
		raw, _ := json.Marshal(append([]string{}, pinned...)) // no list of strings fails to marshal
		e.override("pinned_messages_ids", raw)
	}
	e.changed = true
	return nil
}

func (e *dialogEdit) override(name string, raw json.RawMessage) {
	e.dialog.over = merged(e.dialog.over, fields{name: slices.Clone(raw)})
	e.changed = true
}

func (e *dialogEdit) mute(user int64, on bool) {
	e.muted = true
	if on {
		e.dialog.silent = union(e.dialog.silent, []int64{user})
	} else {
		e.dialog.silent = without(e.dialog.silent, user)
	}
}

// overlap tells whether two objects have a name in common.
func overlap(a, b json.RawMessage) bool {
	var x, y map[string]json.RawMessage
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	for name := range x {
		if _, ok := y[name]; ok {
			return true
		}
	}
	return false
}

// decode refuses unknown fields of objects, and missing values.
func decode(raw json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func union[T comparable](ids, more []T) []T {
	all := slices.Clone(ids)
	for _, id := range more {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

func without[T comparable](ids []T, less ...T) []T {
	return slices.DeleteFunc(slices.Clone(ids), func(id T) bool { return slices.Contains(less, id) })
}
