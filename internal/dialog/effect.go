package dialog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Effect is what a change makes of one thing. Effects that are equal were shown
// alike and start from the same.
type Effect struct {
	Of            string
	Before, After string
	None          bool // the dialog has it as the change wants it
	Unknown       bool // the row does not tell what it is like

	from string // what Before may show a part of
}

// String shows the effect for people.
func (e Effect) String() string {
	switch {
	case e.None:
		return e.Of + ": " + e.Before + " (no change)"
	}
	return e.Of + ": " + e.Before + " → " + e.After
}

// Effects tell what the change would make of the dialog.
func (c Change) Effects(r Row) (all []Effect) {
	for _, m := range c.Mutes {
		all = append(all, m.effect(r))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Texts)) {
		all = append(all, textEffect(name, r.texts()[name], c.Texts[name]))
	}
	if c.ResetExtensions {
		all = append(all, Effect{Of: "extensions", Before: eachPair(r.Extensions, nil), After: "none", None: len(r.Extensions) == 0, from: joined(r.Extensions)})
	}
	if len(c.Extensions) > 0 {
		all = append(all, c.extensionsEffect(r))
	}
	if c.AllowPreview != nil {
		before := "not set"
		if value, ok := r.Permissions["allow_preview"]; ok {
			before = strings.Trim(exactValue(value, nil), `"`)
		}
		after := strconv.FormatBool(*c.AllowPreview)
		all = append(all, Effect{Of: "permission allow_preview", Before: before, After: after, None: before == after})
	}
	occupants := listEffect("occupants", r.OccupantsIDs, c.Add.Occupants, c.Remove.Occupants, userText, r.Listed())
	admins := listEffect("admins", r.Admins, c.Add.Admins, c.Remove.Admins, userText, true)
	pinned := listEffect("pinned messages", r.Pinned, c.Add.Pinned, c.Remove.Pinned, Text, true)
	return slices.Concat(all, occupants, admins, pinned)
}

func (m Mute) effect(r Row) Effect {
	said := map[bool]string{true: "muted", false: "not muted"}
	muted := slices.Contains(r.SilentIDs, m.User)
	return Effect{Of: fmt.Sprintf("user %d", m.User), Before: said[muted], After: said[m.On], None: muted == m.On}
}

func textEffect(name string, before, after *string) Effect {
	same := (before == nil) == (after == nil) && (before == nil || *before == *after)
	e := Effect{Of: name, Before: "none", After: "none", None: same}
	switch {
	case before != nil && after != nil:
		e.Before, e.After = versus(*before, *after)
	case before != nil:
		e.Before = one(*before)
	case after != nil:
		e.After = one(*after)
	}
	if before != nil {
		e.from = *before
	}
	return e
}

func (r Row) texts() map[string]*string {
	return map[string]*string{"name": r.Name, "photo": r.Photo, "description": r.Description}
}

func (c Change) extensionsEffect(r Row) Effect {
	after := c.extensionsOn(r)
	e := Effect{Of: "extensions", Before: eachPair(r.Extensions, after), After: eachPair(after, r.Extensions), None: true, from: joined(r.Extensions)}
	for key, value := range c.Extensions {
		before, ok := r.Extensions[key]
		e.None = e.None && ok && plain(before) == value
	}
	return e
}

func joined(object map[string]json.RawMessage) string {
	text, _ := marshal(object) // JSON of the API's
	return string(text)
}

// extensionsOn are the extensions of the dialog with those of the change. It is
// not known whether the API replaces all when some are given; given all, it
// does not matter.
func (c Change) extensionsOn(r Row) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	if len(c.Extensions) > 0 && c.Body == nil {
		maps.Copy(all, r.Extensions)
	}
	maps.Copy(all, asJSON(c.Extensions))
	return all
}

// unnamed are extensions of which the body says nothing.
func (c Change) unnamed(r Row) (keys []string) {
	if c.Body == nil || len(c.Extensions) == 0 {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(r.Extensions)) {
		if _, ok := c.Extensions[key]; !ok {
			keys = append(keys, visible(key))
		}
	}
	return keys
}

func asJSON(texts map[string]string) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(texts))
	for key, text := range texts {
		out[key], _ = json.Marshal(text) // no string fails to marshal
	}
	return out
}

func userText(id string) string { return id }

// listEffect tells what adding and removing makes of a list, in counts and in
// the ids that come and go.
func listEffect[T comparable](of string, list, add, remove []T, text func(string) string, listed bool) []Effect {
	if len(add)+len(remove) == 0 {
		return nil
	}
	var parts []string
	note := func(what string, ids []T) {
		if ids = union(nil, ids); len(ids) == 0 {
			return
		}
		texts := make([]string, len(ids))
		for i, id := range ids {
			texts[i] = text(fmt.Sprint(id))
		}
		parts = append(parts, what+" "+strings.Join(texts, ", "))
	}
	if !listed {
		note("add", add)
		note("remove", remove)
		return []Effect{{Of: of, Before: "not listed", After: strings.Join(parts, "; "), Unknown: true}}
	}
	e := Effect{Of: of, Before: strconv.Itoa(len(list)), After: strconv.Itoa(len(union(less(list, remove), add)))}
	note("add", less(add, list))
	note("remove", common(remove, list))
	e.None = len(parts) == 0
	note("already among them:", common(add, list))
	note("not among them:", less(remove, list))
	if e.None {
		return []Effect{{Of: of, Before: strings.Join(parts, "; "), None: true}}
	}
	e.After += " (" + strings.Join(parts, "; ") + ")"
	return []Effect{e}
}

// Nothing tells whether the effects change nothing.
func Nothing(effects []Effect) bool {
	return !slices.ContainsFunc(effects, func(e Effect) bool { return !e.None })
}

// Lacking are the things that a reply shows not to be as the change wants them.
func (c Change) Lacking(reply Row) (of []string) {
	_, tellsMutes := reply.fields["silent_ids"]
	for _, e := range c.Effects(reply) {
		if !e.None && !e.Unknown && (tellsMutes || !strings.HasPrefix(e.Of, "user ")) {
			of = append(of, e.Of)
		}
	}
	return of
}
