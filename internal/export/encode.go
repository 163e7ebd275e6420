package export

import (
	"bytes"
	"encoding/csv"
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/go-faster/jx"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// Format is how rows are written.
type Format string

// The formats. NDJSON hands each row through byte for byte, unless fields are
// chosen; CSV has columns, the first line names them.
const (
	NDJSON Format = "ndjson"
	CSV    Format = "csv"
)

// DialogFields and MessageFields are the fields that the vendor documents
// (vendor's page and Dialog, Message of the user-level API), in the order of
// CSV's columns.
func DialogFields() []string {
	return []string{
		"_id", "type", "name", "description", "user_id", "created_at", "updated_at", "occupants_ids", "occupants_count", "admins_ids",
		"last_message", "last_message_date_sent", "last_message_id", "last_message_user_id", "last_message_status", "photo",
		"xmpp_room_jid", "is_e2ee", "pinned_messages_ids", "silent_ids", "deleted_ids", "extensions", "permissions",
	}
}

// MessageFields are those of messages; see [DialogFields].
func MessageFields() []string {
	return []string{
		"_id", "chat_dialog_id", "sender_id", "recipient_id", "date_sent", "created_at", "updated_at", "message", "attachments",
		"read_ids", "delivered_ids", "read", "views_count", "reactions", "edited_at", "deleted_for_ids",
	}
}

// encoder writes rows. It is not safe for concurrent use.
type encoder interface {
	// head is what a file begins with.
	head() []byte
	// add appends a row, a JSON object.
	add(out, row []byte) ([]byte, error)
}

func newEncoder(f Format, fields []string, list chatapi.Endpoint) encoder {
	switch {
	case f == CSV && len(fields) > 0:
		return &csvEncoder{fields: fields}
	case f == CSV && list == chatapi.Dialogs:
		return &csvEncoder{fields: DialogFields()}
	case f == CSV:
		return &csvEncoder{fields: MessageFields()}
	case len(fields) > 0:
		return &picker{fields: fields}
	}
	return whole{}
}

// whole hands rows through.
type whole struct{}

func (whole) head() []byte { return nil }

func (whole) add(out, row []byte) ([]byte, error) {
	return append(append(out, chatapi.Line(row)...), '\n'), nil
}

// values finds fields of an object, as they stand there; nil: not there.
func values(row []byte, fields []string, into [][]byte) error {
	clear(into)
	d := jx.DecodeBytes(row)
	err := d.ObjBytes(func(d *jx.Decoder, key []byte) error {
		at := slices.Index(fields, string(key))
		if at < 0 {
			return d.Skip()
		}
		raw, err := d.Raw()
		into[at] = raw
		return err
	})
	if err != nil {
		return errors.New("a row is not a JSON object") // the cause would quote it
	}
	return nil
}

// picker writes objects of chosen fields, in their order. A field that a row
// lacks is left out.
type picker struct {
	fields []string
	found  [][]byte
}

func (*picker) head() []byte { return nil }

func (p *picker) add(out, row []byte) ([]byte, error) {
	if p.found == nil {
		p.found = make([][]byte, len(p.fields))
	}
	if err := values(row, p.fields, p.found); err != nil {
		return out, err
	}
	out = append(out, '{')
	first := true
	for i, raw := range p.found {
		if raw == nil {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		var e jx.Encoder
		e.Str(p.fields[i])
		out = append(append(append(out, e.Bytes()...), ':'), chatapi.Line(raw)...)
	}
	return append(out, '}', '\n'), nil
}

// csvEncoder writes lines of RFC 4180, ended by a line feed. Texts stand as they
// are, null and what is missing is empty, lists and objects are JSON.
type csvEncoder struct {
	fields []string
	found  [][]byte
	cells  []string
	buf    bytes.Buffer
}

func (c *csvEncoder) head() []byte {
	line, _ := c.line(nil, c.fields)
	return line
}

func (c *csvEncoder) add(out, row []byte) ([]byte, error) {
	if c.found == nil {
		c.found, c.cells = make([][]byte, len(c.fields)), make([]string, len(c.fields))
	}
	if err := values(row, c.fields, c.found); err != nil {
		return out, err
	}
	for i, raw := range c.found {
		cell, err := cell(raw)
		if err != nil {
			return out, err
		}
		c.cells[i] = cell
	}
	return c.line(out, c.cells)
}

func (c *csvEncoder) line(out []byte, cells []string) ([]byte, error) {
	if len(cells) == 1 && cells[0] == "" {
		return append(out, "\"\"\n"...), nil // an empty line would be no record
	}
	c.buf.Reset()
	w := csv.NewWriter(&c.buf)
	if err := w.Write(cells); err != nil {
		return out, err
	}
	w.Flush()
	return append(out, c.buf.Bytes()...), w.Error()
}

func cell(raw []byte) (string, error) {
	if raw == nil {
		return "", nil
	}
	d := jx.DecodeBytes(raw)
	switch d.Next() {
	case jx.Null:
		return "", nil
	case jx.String:
		s, err := d.Str()
		if err != nil {
			return "", errors.New("a row holds text that is not valid") // the cause would quote it
		}
		return harmless(s), nil
	case jx.Array, jx.Object:
		return string(chatapi.Line(raw)), nil
	}
	return string(raw), nil
}

// harmless puts an apostrophe before what a spreadsheet would run as a formula.
func harmless(s string) string {
	bare := strings.TrimLeftFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || !unicode.IsPrint(r) })
	if bare == "" {
		return s
	}
	switch []rune(bare)[0] {
	case '=', '+', '-', '@', '＝', '＋', '－', '＠':
		return "'" + s
	}
	return s
}
