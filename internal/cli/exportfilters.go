package cli

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// rowFilters are the documented filters of the lists, as flags.
type rowFilters struct {
	createdAfter, createdBefore *timeFlag // nil: not given
	updatedAfter, updatedBefore *timeFlag
	idAfter, idBefore, dialog   chatapi.ObjectID // zero: not given
	types                       []int

	said []string // as they were given
}

func (f *rowFilters) register(clause *kingpin.CmdClause) {
	at := func(target **timeFlag, name, help string) {
		clause.Flag(name, help+": RFC 3339, unix seconds, or an age such as 7d.").PlaceHolder("TIME").
			SetValue(&value[*timeFlag]{name: name, target: target, parse: f.note(name, target)})
	}
	at(&f.createdAfter, "created-after", "Rows created at this time or later")
	at(&f.createdBefore, "created-before", "Rows created before this time")
	at(&f.updatedAfter, "updated-after", "Rows updated at this time or later")
	at(&f.updatedBefore, "updated-before", "Rows updated before this time")
	id := func(target *chatapi.ObjectID, name, help string) {
		clause.Flag(name, help).PlaceHolder("ID").SetValue(&value[chatapi.ObjectID]{name: name, target: target, parse: func(s string) (chatapi.ObjectID, error) {
			id, err := parseID(s)
			if err == nil {
				f.said = append(f.said, "--"+name+"="+id.String())
			}
			return id, err
		}})
	}
	id(&f.idAfter, "id-after", "Rows whose _id is above this one.")
	id(&f.idBefore, "id-before", "Rows whose _id is below this one.")
	id(&f.dialog, "dialog", "Messages of this dialog only.")
	clause.Flag("type", "Dialogs of these types only, separated by commas: private, group, broadcast, public, or codes.").PlaceHolder("TYPE").
		SetValue(&value[[]int]{name: "type", target: &f.types, parse: func(s string) ([]int, error) {
			types, err := parseTypes(s)
			if err == nil {
				f.said = append(f.said, "--type="+chatapi.Type(chatapi.In, types...).Value)
			}
			return types, err
		}})
}

// note parses a time, and keeps how it was spelled: an age means another time
// when an export is resumed.
func (f *rowFilters) note(name string, target **timeFlag) func(string) (*timeFlag, error) {
	return func(s string) (*timeFlag, error) {
		s = strings.TrimSuffix(strings.TrimSpace(s), " ago")
		t, err := parseTime(s)
		if err != nil {
			return nil, err
		}
		if *target != nil {
			return nil, errors.New("is given twice")
		}
		f.said = append(f.said, "--"+name+"="+s)
		return &t, nil
	}
}

func parseID(s string) (chatapi.ObjectID, error) {
	id, err := chatapi.ParseObjectID(strings.TrimSpace(s))
	if err != nil || id.IsZero() {
		return id, errors.New("must be an id of 24 hexadecimal digits")
	}
	return id, nil
}

func parseTypes(s string) ([]int, error) {
	names := map[string]int{"broadcast": 1, "group": 2, "private": 3, "public": 4}
	var out []int
	for word := range strings.SplitSeq(s, ",") {
		word = strings.TrimSpace(word)
		code, ok := names[word]
		if !ok {
			var err error
			if code, err = strconv.Atoi(word); err != nil || code < 1 {
				return nil, errors.New("must be private, group, broadcast, public or a code, separated by commas")
			}
		}
		out = append(out, code)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// text is what was given, in an order that does not depend on the user's.
func (f *rowFilters) text() []string { return slices.Sorted(slices.Values(f.said)) }

// spans are the bounds of _id.
func (f *rowFilters) spans(list chatapi.Endpoint) ([]chatapi.Span, error) {
	switch {
	case list != chatapi.Messages && !f.dialog.IsZero():
		return nil, usagef("--dialog is for messages; one dialog is shown by: dialog show %s", f.dialog)
	case list != chatapi.Dialogs && len(f.types) > 0:
		return nil, usagef("--type is for dialogs: the API does not filter messages by it")
	}
	spans := chatapi.IDsBetween(f.idAfter, f.idBefore)
	if len(spans) == 0 {
		return nil, usagef("%s", "--id-after is not below --id-before, so no row can match")
	}
	return spans, nil
}

// where are the other filters. Ages count from now.
func (f *rowFilters) where(now time.Time) (where []chatapi.Cond, err error) {
	for _, window := range []struct {
		name          string
		field         chatapi.TimeField
		after, before *timeFlag
	}{
		{"created", chatapi.CreatedAt, f.createdAfter, f.createdBefore},
		{"updated", chatapi.UpdatedAt, f.updatedAfter, f.updatedBefore},
	} {
		if window.after != nil {
			where = append(where, window.field.Cond(chatapi.Gte, window.after.unix(now)))
		}
		if window.before != nil {
			where = append(where, window.field.Cond(chatapi.Lt, window.before.unix(now)))
		}
		if window.after != nil && window.before != nil && window.after.unix(now) >= window.before.unix(now) {
			return nil, usagef("--%s-after is not before --%s-before, so no row can match", window.name, window.name)
		}
	}
	if !f.dialog.IsZero() {
		where = append(where, chatapi.ChatDialogID.Cond(chatapi.Eq, f.dialog))
	}
	switch len(f.types) {
	case 0:
	case 1:
		where = append(where, chatapi.Type(chatapi.Eq, f.types...))
	default:
		where = append(where, chatapi.Type(chatapi.In, f.types...))
	}
	return where, nil
}
