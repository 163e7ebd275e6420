package chatapi

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-faster/jx"
)

// maxUnix bounds times given as numbers: what is larger counts milliseconds.
const maxUnix = 100_000_000_000

// decodeError says where a reply is not what the vendor documents. It never
// holds a value: values are people's messages, names and ids.
type decodeError struct {
	Field string // empty: the reply as a whole
	Row   int    // -1: not in a row
	Want  string
}

func (e *decodeError) Error() string {
	switch {
	case e.Field == "" && e.Row < 0:
		return e.Want
	case e.Field == "":
		return fmt.Sprintf("row %d: %s", e.Row, e.Want)
	case e.Row < 0:
		return fmt.Sprintf("field %s: %s", e.Field, e.Want)
	}
	return fmt.Sprintf("row %d, field %s: %s", e.Row, e.Field, e.Want)
}

// decoder reads the fields we use and passes over all others, whatever they
// hold: applications put their own parameters beside them.
type decoder struct {
	*jx.Decoder
	ids []int64  // one allocation for the id lists of many rows
	row *decoder // of one row, where its bytes are kept
}

// decodePage reads the envelope of a list endpoint (vendor's page, "Response").
func decodePage[T any](body []byte, decodeRow func(*decoder, *T) error) (Page[T], error) {
	var (
		page               Page[T]
		hasTotal, hasItems bool
		d                  = &decoder{Decoder: jx.DecodeBytes(body)}
	)
	page.Total = -1
	if d.Next() != jx.Object {
		return page, &decodeError{Row: -1, Want: "the reply is not a JSON object"}
	}
	err := d.ObjBytes(func(_ *jx.Decoder, key []byte) error {
		switch string(key) {
		case "total_entries":
			hasTotal = true
			total, err := d.integer("total_entries")
			if err == nil && total < 0 {
				err = &decodeError{Field: "total_entries", Row: -1, Want: "is negative"}
			}
			page.Total = total
			return err
		case "items":
			hasItems = true
			items, err := decodeItems(d, decodeRow)
			page.Items = items
			return err
		}
		return d.Skip()
	})
	if err != nil {
		return page, asDecodeError(err, -1)
	}
	if err := d.end(); err != nil {
		return page, err
	}
	switch {
	case !hasTotal:
		return page, &decodeError{Field: "total_entries", Row: -1, Want: "is missing"}
	case !hasItems:
		return page, &decodeError{Field: "items", Row: -1, Want: "is missing"}
	}
	return page, nil
}

func decodeItems[T any](d *decoder, decodeRow func(*decoder, *T) error) ([]T, error) {
	if d.Next() != jx.Array {
		return nil, &decodeError{Field: "items", Row: -1, Want: "is not a list"}
	}
	var items []T
	err := d.Arr(func(*jx.Decoder) error {
		if items == nil {
			items = make([]T, 0, MaxLimit)
		}
		i := len(items)
		var row T
		items = append(items, row)
		if d.Next() != jx.Object {
			return &decodeError{Row: i, Want: "is not an object"}
		}
		if err := decodeRow(d, &items[i]); err != nil {
			return asDecodeError(err, i)
		}
		return nil
	})
	return items, err
}

// asDecodeError replaces the texts of the JSON library, which quote the input.
func asDecodeError(err error, row int) error {
	var de *decodeError
	if !errors.As(err, &de) {
		return &decodeError{Row: row, Want: "broken JSON"}
	}
	if de.Row < 0 && row >= 0 {
		de.Row = row
	}
	return de
}

// seen notes which of the needed fields a row had.
type seen uint8

const (
	seenID seen = 1 << iota
	seenCreated
	seenUpdated
	seenType
)

func (s seen) missing(want seen) error {
	for _, f := range []struct {
		bit  seen
		name string
	}{{seenID, "_id"}, {seenCreated, "created_at"}, {seenUpdated, "updated_at"}, {seenType, "type"}} {
		if want&f.bit != 0 && s&f.bit == 0 {
			return &decodeError{Field: f.name, Row: -1, Want: "is missing"}
		}
	}
	return nil
}

func decodeDialog(d *decoder, out *Dialog) error {
	var have seen
	err := d.ObjBytes(func(_ *jx.Decoder, key []byte) (err error) {
		switch string(key) {
		case "_id":
			have |= seenID
			out.ID, err = d.objectID("_id")
		case "created_at":
			have |= seenCreated
			out.CreatedAt, err = d.time("created_at")
		case "updated_at":
			have |= seenUpdated
			out.UpdatedAt, err = d.time("updated_at")
		case "type":
			have |= seenType
			var code int64
			code, err = d.integer("type")
			out.Type = int(code)
		case "last_message_date_sent":
			out.LastMessageDateSent, err = orNull(d, "last_message_date_sent", d.time)
		case "occupants_ids":
			out.OccupantsIDs, err = orNull(d, "occupants_ids", d.idList)
		case "silent_ids":
			out.SilentIDs, err = orNull(d, "silent_ids", d.idList)
		case "deleted_ids":
			out.DeletedIDs, err = orNull(d, "deleted_ids", d.idList)
		case "is_e2ee":
			out.IsE2EE, err = orNull(d, "is_e2ee", d.boolean)
		default:
			err = d.Skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	return have.missing(seenID | seenCreated | seenUpdated | seenType)
}

func decodeMessage(d *decoder, out *Message) error {
	var have seen
	err := d.ObjBytes(func(_ *jx.Decoder, key []byte) (err error) {
		switch string(key) {
		case "_id":
			have |= seenID
			out.ID, err = d.objectID("_id")
		case "chat_dialog_id":
			out.ChatDialogID, err = orNull(d, "chat_dialog_id", d.objectID)
		case "created_at":
			have |= seenCreated
			out.CreatedAt, err = d.time("created_at")
		case "updated_at":
			have |= seenUpdated
			out.UpdatedAt, err = d.time("updated_at")
		default:
			err = d.Skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	return have.missing(seenID | seenCreated | seenUpdated)
}

// orNull reads a value that may be null, which is the zero of its type.
func orNull[T any](d *decoder, field string, read func(string) (T, error)) (v T, err error) {
	if d.Next() == jx.Null {
		return v, d.Null()
	}
	return read(field)
}

// end tells whether nothing follows the value that was read.
func (d *decoder) end() error {
	if err := d.Skip(); !errors.Is(err, io.EOF) {
		return &decodeError{Row: -1, Want: "more follows after the JSON object"}
	}
	return nil
}

func (d *decoder) objectID(field string) (ObjectID, error) {
	if d.Next() != jx.String {
		return ObjectID{}, &decodeError{Field: field, Row: -1, Want: "is not a string"}
	}
	b, err := d.StrBytes()
	if err != nil {
		return ObjectID{}, err
	}
	id, ok := parseObjectID(b)
	if !ok {
		return id, &decodeError{Field: field, Row: -1, Want: "is not an id of 24 hexadecimal digits"}
	}
	return id, nil
}

func (d *decoder) integer(field string) (int64, error) {
	if d.Next() != jx.Number {
		return 0, &decodeError{Field: field, Row: -1, Want: "is not an integer"}
	}
	n, err := d.Num()
	if err != nil {
		return 0, err
	}
	v, err := n.Int64()
	if err != nil || !n.IsInt() {
		return 0, &decodeError{Field: field, Row: -1, Want: "is not an integer"}
	}
	return v, nil
}

func (d *decoder) boolean(field string) (bool, error) {
	if d.Next() != jx.Bool {
		return false, &decodeError{Field: field, Row: -1, Want: "is not true or false"}
	}
	return d.Bool()
}

// time reads an ISO 8601 string, with or without fractions, or unix seconds:
// the vendor's table says numbers, every sample shows strings (api-facts 3).
func (d *decoder) time(field string) (int64, error) {
	switch d.Next() {
	case jx.String:
		b, err := d.StrBytes()
		if err != nil {
			return 0, err
		}
		var t time.Time
		if t.UnmarshalText(b) != nil {
			return 0, &decodeError{Field: field, Row: -1, Want: "is not a time"}
		}
		return t.Unix(), nil
	case jx.Number:
		n, err := d.Num()
		if err != nil {
			return 0, err
		}
		v, err := n.Float64()
		if err != nil || v < 0 || v >= maxUnix {
			return 0, &decodeError{Field: field, Row: -1, Want: "is a number, but not unix seconds"}
		}
		return int64(v), nil
	}
	return 0, &decodeError{Field: field, Row: -1, Want: "is not a time"}
}

func (d *decoder) idList(field string) ([]int64, error) {
	if d.Next() != jx.Array {
		return nil, &decodeError{Field: field, Row: -1, Want: "is not a list"}
	}
	start := len(d.ids)
	err := d.Arr(func(*jx.Decoder) error {
		id, err := d.integer(field)
		d.ids = append(d.ids, id)
		return err
	})
	return d.ids[start:len(d.ids):len(d.ids)], err
}
