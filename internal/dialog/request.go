package dialog

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// Request is one update of the dialog.
type Request struct {
	What string // it does
	Body []byte
}

// Requests are what makes the change, in their order; none if it would change
// nothing. The API takes the mute of one user a request, which is sent as the
// vendor's page shows it, apart from all else. Nor does any page tell what
// becomes of a list that one request adds to and removes from.
func (c Change) Requests(r Row) ([]Request, error) {
	if Nothing(c.Effects(r)) {
		return nil, nil
	}
	if c.Body != nil {
		return []Request{{"the body given with --json", c.Body}}, nil
	}
	var changes []chatapi.DialogChange
	var whats []string
	rest := c.rest(r)
	if !Nothing(rest.Effects(r)) {
		main := rest.main(r)
		if rest.twice() {
			changes, whats = append(changes, chatapi.DialogChange{PullAll: main.PullAll}), append(whats, "removals from lists")
			main.PullAll = nil
		}
		changes, whats = append(changes, main), append(whats, "fields and lists")
	}
	for _, m := range c.Mutes {
		if m.effect(r).None {
			continue
		}
		changes = append(changes, chatapi.DialogChange{UserID: &m.User, IsMuted: &m.On})
		whats = append(whats, fmt.Sprintf("the %s for user %d", map[bool]string{true: "mute", false: "unmute"}[m.On], m.User))
	}
	requests := make([]Request, len(changes))
	for i, change := range changes {
		body, err := marshal(change)
		if err != nil {
			return nil, err
		}
		requests[i] = Request{whats[i], body}
	}
	return requests, nil
}

// rest is the change without the mutes, and without what the dialog has.
func (c Change) rest(r Row) Change {
	c.Mutes = nil
	texts := map[string]*string{}
	for name, text := range c.Texts {
		if !textEffect(name, r.texts()[name], text).None {
			texts[name] = text
		}
	}
	c.Texts = texts
	if r.Listed() {
		c.Add.Occupants, c.Remove.Occupants = less(c.Add.Occupants, r.OccupantsIDs), common(c.Remove.Occupants, r.OccupantsIDs)
	}
	c.Add.Admins, c.Remove.Admins = less(c.Add.Admins, r.Admins), common(c.Remove.Admins, r.Admins)
	c.Add.Pinned, c.Remove.Pinned = less(c.Add.Pinned, r.Pinned), common(c.Remove.Pinned, r.Pinned)
	return c
}

// twice tells whether a list is added to and removed from.
func (c Change) twice() bool {
	a, b := c.Add, c.Remove
	return len(a.Occupants) > 0 && len(b.Occupants) > 0 || len(a.Admins) > 0 && len(b.Admins) > 0 || len(a.Pinned) > 0 && len(b.Pinned) > 0
}

// main is all but the mutes.
func (c Change) main(r Row) chatapi.DialogChange {
	change := chatapi.DialogChange{
		Name: c.Texts["name"], Photo: c.Texts["photo"], Description: c.Texts["description"],
		PushAll: c.Add.body(), PullAll: c.Remove.body(),
	}
	switch {
	case c.ResetExtensions:
		change.Extensions = json.RawMessage("null")
	case len(c.Extensions) > 0:
		change.Extensions, _ = marshal(c.extensionsOn(r)) // JSON of the API's and of texts
	}
	if c.AllowPreview != nil {
		change.Permissions = &chatapi.Permissions{AllowPreview: c.AllowPreview}
	}
	return change
}

func (l Lists) body() *chatapi.DialogLists {
	if l.empty() {
		return nil
	}
	return &chatapi.DialogLists{OccupantsIDs: l.Occupants, AdminsIDs: l.Admins, PinnedMessagesIDs: l.Pinned}
}

// marshal leaves <, > and & readable.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding the change: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}
