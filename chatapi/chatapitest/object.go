package chatapitest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// ListForm is how an empty silent_ids, deleted_ids or deleted_for_ids is
// written; the documentation says the field may be missing.
type ListForm uint8

// Forms of an empty list.
const (
	Empty   ListForm = iota // []
	Missing                 // the field is left out
	Null                    // null
)

// object writes a JSON object field by field, letting over replace them.
type object struct {
	buf  []byte
	over fields
	done []string // fields seen, only with over
	some bool
}

func openObject(buf []byte, over fields) *object { return &object{buf: append(buf, '{'), over: over} }

// field writes the name, and the value too where over has one; it tells whether
// the caller is to write the value.
func (o *object) field(name string) bool {
	if len(o.over) > 0 {
		o.done = append(o.done, name)
		if raw, ok := o.over[name]; ok {
			o.raw(name, raw)
			return false
		}
	}
	o.name(name)
	return true
}

func (o *object) name(name string) {
	if o.some {
		o.buf = append(o.buf, ',')
	}
	o.some = true
	o.buf = append(o.buf, '"')
	o.buf = append(o.buf, name...)
	o.buf = append(o.buf, '"', ':')
}

func (o *object) raw(name string, raw json.RawMessage) {
	if len(raw) > 0 {
		o.name(name)
		o.buf = append(o.buf, raw...)
	}
}

// close adds what over has beyond the fields written.
func (o *object) close() []byte {
	for _, name := range slices.Sorted(maps.Keys(o.over)) {
		if !slices.Contains(o.done, name) {
			o.raw(name, o.over[name])
		}
	}
	return append(o.buf, '}')
}

func (o *object) null(name string) {
	if o.field(name) {
		o.buf = append(o.buf, "null"...)
	}
}

func (o *object) int(name string, n int64) {
	if o.field(name) {
		o.buf = strconv.AppendInt(o.buf, n, 10)
	}
}

// text takes text that needs no escaping but that of JSON strings in ASCII.
func (o *object) text(name, s string) {
	if o.field(name) {
		o.buf = appendText(o.buf, s)
	}
}

func (o *object) textOrNull(name, s string, ok bool) {
	if !ok {
		o.null(name)
		return
	}
	o.text(name, s)
}

func (o *object) literal(name, s string) {
	if o.field(name) {
		o.buf = append(o.buf, s...)
	}
}

func (o *object) id(name string, id objectID) {
	if o.field(name) {
		o.buf = append(o.buf, '"')
		o.buf = append(o.buf, id.String()...)
		o.buf = append(o.buf, '"')
	}
}

func (o *object) ints(name string, ids ...int64) {
	if !o.field(name) {
		return
	}
	o.buf = append(o.buf, '[')
	for i, id := range ids {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf = strconv.AppendInt(o.buf, id, 10)
	}
	o.buf = append(o.buf, ']')
}

func (o *object) list(name string, form ListForm, ids ...int64) {
	switch {
	case len(ids) > 0 || form == Empty:
		o.ints(name, ids...)
	case form == Null:
		o.null(name)
	case len(o.over[name]) > 0:
		o.field(name)
	}
}

func (o *object) time(name string, ms int64, format TimeFormat) {
	if !o.field(name) {
		return
	}
	switch at := time.UnixMilli(ms).UTC(); format {
	case Unix:
		o.buf = strconv.AppendInt(o.buf, at.Unix(), 10)
	case ISOMillis:
		o.buf = at.AppendFormat(o.buf, `"2006-01-02T15:04:05.000Z"`)
	default:
		o.buf = at.AppendFormat(o.buf, `"2006-01-02T15:04:05Z"`)
	}
}

func appendText(buf []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '"' || s[i] == '\\' || s[i] > '~' {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic(err) // no string fails to marshal
			}
			return append(buf, quoted...)
		}
	}
	buf = append(buf, '"')
	buf = append(buf, s...)
	return append(buf, '"')
}
