package dialog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// ParseBody reads the body of a Dialog Update, which must be one JSON object of
// documented parameters. The errors name parameters, not their values.
func ParseBody(body []byte) (Change, error) {
	body = bytes.TrimSpace(body)
	c := Change{Body: body}
	if !utf8.Valid(body) {
		return c, errors.New("must be text in UTF-8")
	}
	fields, err := object("", body)
	if err != nil {
		return c, err
	}
	if len(fields) == 0 {
		return c, errors.New("must hold something to change, not an empty object")
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := c.take(name, fields[name]); err != nil {
			return c, err
		}
	}
	if err := c.takeMute(fields); err != nil {
		return c, err
	}
	return c, c.Check()
}

func (c *Change) take(name string, raw json.RawMessage) error {
	switch name {
	case "user_id", "is_muted":
		return nil // with one another, in takeMute
	case "name", "photo", "description":
		var text *string
		if json.Unmarshal(raw, &text) != nil {
			return fmt.Errorf("parameter %s must be a string or null", name)
		}
		if c.Texts == nil {
			c.Texts = map[string]*string{}
		}
		c.Texts[name] = text
	case "extensions":
		return c.takeExtensions(raw)
	case "permissions":
		fields, err := object(name, raw)
		if err != nil {
			return err
		}
		value := fields["allow_preview"]
		if len(fields) != 1 || json.Unmarshal(value, &c.AllowPreview) != nil || c.AllowPreview == nil {
			return errors.New("parameter permissions must hold allow_preview, true or false, and no more")
		}
	case "push_all", "pull_all":
		lists, err := readLists(name, raw)
		if name == "push_all" {
			c.Add = lists
		} else {
			c.Remove = lists
		}
		return err
	default:
		return fmt.Errorf("the vendor does not document a parameter %s; there are user_id with is_muted, name, photo, description, extensions, permissions, push_all and pull_all", Text(strconv.Quote(name)))
	}
	return nil
}

func (c *Change) takeMute(fields map[string]json.RawMessage) error {
	user, hasUser := fields["user_id"]
	muted, hasMuted := fields["is_muted"]
	switch {
	case !hasUser && !hasMuted:
		return nil
	case !hasUser || !hasMuted:
		return errors.New("parameters user_id and is_muted need one another: whose mute, and whether it is to be")
	}
	var m Mute
	if json.Unmarshal(user, &m.User) != nil || m.User <= 0 {
		return errors.New("parameter user_id must be the id of a user, a whole number above 0")
	}
	if isNull(muted) || json.Unmarshal(muted, &m.On) != nil {
		return errors.New("parameter is_muted must be true or false")
	}
	c.Mutes = []Mute{m}
	return nil
}

func (c *Change) takeExtensions(raw json.RawMessage) error {
	if isNull(raw) {
		c.ResetExtensions = true
		return nil
	}
	fields, err := object("extensions", raw)
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return errors.New("parameter extensions must name some, or be null, which resets them")
	}
	c.Extensions = map[string]string{}
	for key, value := range fields {
		c.Extensions[key] = plain(value)
	}
	return nil
}

func readLists(name string, raw json.RawMessage) (l Lists, err error) {
	fields, err := object(name, raw)
	if err != nil {
		return l, err
	}
	for key, value := range fields {
		var bad bool
		switch key {
		case "occupants_ids":
			bad = json.Unmarshal(value, &l.Occupants) != nil || !users(l.Occupants)
		case "admins_ids":
			bad = json.Unmarshal(value, &l.Admins) != nil || !users(l.Admins)
		case "pinned_messages_ids":
			bad = json.Unmarshal(value, &l.Pinned) != nil || slices.ContainsFunc(l.Pinned, notObjectID)
		default:
			return l, fmt.Errorf("parameter %s: the vendor does not document a list %s; there are occupants_ids, admins_ids and pinned_messages_ids", name, Text(strconv.Quote(key)))
		}
		if bad {
			return l, fmt.Errorf("parameter %s: %s must be a list of ids", name, key)
		}
	}
	if l.empty() {
		return l, fmt.Errorf("parameter %s must hold ids in occupants_ids, admins_ids or pinned_messages_ids", name)
	}
	return l, nil
}

func users(ids []int64) bool {
	return !slices.ContainsFunc(ids, func(id int64) bool { return id <= 0 })
}

func notObjectID(s string) bool {
	_, err := chatapi.ParseObjectID(s)
	return err != nil
}

// object reads one JSON object, and refuses one that says a thing twice: who
// reads it would choose.
func object(name string, raw []byte) (map[string]json.RawMessage, error) {
	where := ""
	if name != "" {
		where = "parameter " + name + " "
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New(where + "must be one JSON object")
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return nil, errors.New(where + "is not JSON from beginning to end")
		}
		text, _ := key.(string)
		if _, ok := fields[text]; ok {
			return nil, fmt.Errorf("%sholds %s twice", where, Text(strconv.Quote(text)))
		}
		fields[text] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New(where + "is not JSON from beginning to end")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New(where + "must be one JSON object, and more follows")
	}
	return fields, nil
}
