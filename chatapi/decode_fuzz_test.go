package chatapi

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"
)

// member is a field of a JSON object; objects are kept as lists of them, since
// a field may come twice.
type member struct {
	name string
	raw  json.RawMessage
}

var errOracle = errors.New("not a page")

// members reads an object with encoding/json.
func members(raw []byte) (out []member, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errOracle
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: name.(string)}
		if err := d.Decode(&m.raw); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// oracleRow is a row as encoding/json sees it: what each field that we read
// holds, in one form for both kinds of rows.
type oracleRow map[string]any

func oracleValue(name string, raw json.RawMessage) (any, error) {
	text := string(raw)
	switch name {
	case "_id", "chat_dialog_id":
		if text == "null" && name != "_id" {
			return ObjectID{}, nil
		}
		var s *string
		if json.Unmarshal(raw, &s) != nil || s == nil || len(*s) != 24 {
			return nil, errOracle
		}
		b, err := hex.DecodeString(*s)
		if err != nil {
			return nil, errOracle
		}
		return ObjectID(b), nil
	case "created_at", "updated_at", "last_message_date_sent":
		if text == "null" && name == "last_message_date_sent" {
			return int64(0), nil
		}
		if raw[0] == '"' {
			var s string
			_ = json.Unmarshal(raw, &s)
			at, err := time.Parse(time.RFC3339, s)
			if err != nil {
				return nil, errOracle
			}
			return at.Unix(), nil
		}
		number, err := strconv.ParseFloat(text, 64)
		if err != nil || number < 0 || number >= maxUnix {
			return nil, errOracle
		}
		return int64(number), nil
	case "type":
		n, ok := new(big.Int).SetString(text, 10)
		if !ok || !n.IsInt64() {
			return nil, errOracle
		}
		return n.Int64(), nil
	case "occupants_ids", "silent_ids", "deleted_ids":
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return nil, errOracle
		}
		ids := ""
		for _, item := range list {
			v, err := oracleValue("type", bytes.TrimSpace(item))
			if err != nil {
				return nil, err
			}
			ids += fmt.Sprint(v, " ")
		}
		return ids, nil
	case "is_e2ee":
		if text != "true" && text != "false" && text != "null" {
			return nil, errOracle
		}
		return text == "true", nil
	}
	return nil, nil
}

func oraclePage(body []byte, fields string, needed int) (total int64, rows []oracleRow, err error) {
	if !json.Valid(body) {
		return 0, nil, errOracle
	}
	envelope, err := members(body)
	if err != nil {
		return 0, nil, err
	}
	total = -1
	hasItems := false
	for _, m := range envelope {
		switch m.name {
		case "total_entries":
			v, err := oracleValue("type", m.raw)
			if err != nil || v.(int64) < 0 {
				return 0, nil, errOracle
			}
			total = v.(int64)
		case "items":
			var items []json.RawMessage
			if m.raw[0] != '[' || json.Unmarshal(m.raw, &items) != nil {
				return 0, nil, errOracle
			}
			hasItems, rows = true, nil
			for _, item := range items {
				row, err := oracleOf(item, strings.Fields(fields), needed)
				if err != nil {
					return 0, nil, err
				}
				rows = append(rows, row)
			}
		}
	}
	if total < 0 || !hasItems {
		return 0, nil, errOracle
	}
	return total, rows, nil
}

// oracleOf reads a row; the first needed fields must be there.
func oracleOf(item json.RawMessage, fields []string, needed int) (oracleRow, error) {
	row := oracleRow{}
	fieldsOf, err := members(item)
	if err != nil {
		return nil, err
	}
	for _, m := range fieldsOf {
		for _, name := range fields {
			if m.name == name {
				if row[name], err = oracleValue(name, m.raw); err != nil {
					return nil, err
				}
			}
		}
	}
	for i, name := range fields {
		if row[name] == nil {
			if i < needed {
				return nil, errOracle
			}
			row[name], _ = oracleValue(name, json.RawMessage("null"))
		}
	}
	return row, nil
}

// agree fails unless decoder and oracle say the same of a body.
func agree[T any](t *testing.T, body []byte, page Page[T], err error, asRow func(T) oracleRow, fields string, needed int) {
	t.Helper()
	total, rows, oracleErr := oraclePage(body, fields, needed)
	if (err != nil) != (oracleErr != nil) {
		t.Fatalf("%q: we say %v, encoding/json says %v", body, err, oracleErr)
	}
	if err != nil {
		if _, ok := errors.AsType[*decodeError](err); !ok {
			t.Errorf("%q: got a %T", body, err)
		}
		return
	}
	if page.Total != total || len(page.Items) != len(rows) {
		t.Fatalf("%q: got %d rows of %d, want %d of %d", body, len(page.Items), page.Total, len(rows), total)
	}
	for i, row := range rows {
		if got := fmt.Sprint(asRow(page.Items[i])); got != fmt.Sprint(row) {
			t.Errorf("%q: row %d: got %s, want %s", body, i, got, fmt.Sprint(row))
		}
	}
}

// rowSeeds are rows of interest to both decoders.
func rowSeeds() (bodies [][]byte) {
	bodies = [][]byte{
		samplePage(3), oneRow(sampleDialog), oneRow(""), oneRow(dialogWith("")), []byte(`{"items":[],"total_entries":0,"items":[]} `),
		[]byte(`{"total_entries":0,"items":[]}x`), []byte(`{"total_entries":1,"items":[{}]}`), []byte(`{"total_entries":-1,"items":[]}`), []byte(`{"errors":["x"]}`),
	}
	for _, fields := range []string{
		`,"silent_ids":[1,2,3],"deleted_ids":null,"occupants_ids":[]`, `,"silent_ids":nul1[1]`, `,"silent_ids":[1.0]`, `,"silent_ids":["1"]`, `,"silent_ids":[-0]`,
		`,"is_e2ee":true`, `,"is_e2ee":1`, `,"type":5,"type":6`, `,"type":-1`, `,"type":1e1`, `,"type":9223372036854775808`, `,"_id":"620E2B1463EE2A1977B4EE65"`,
		`,"last_message_date_sent":null`, `,"last_message_date_sent":1.5e3`, `,"created_at":"2022-02-17T11:01:40.5+02:00"`, `,"created_at":"2022-02-17T1:01:40Z"`,
		`,"created_at":1645095700000`, `,"created_at":-0`, `,"\u0074ype":4`, `,"x":"\ud800"`, ",\"x\":\"\xff\"", ",\"\xff\":1", `,"chat_dialog_id":"61721539107bd9002fdb84ed"`,
		`,"chat_dialog_id":null`, `,"x":{"type":[{}]}`, `,"x":[[[[1]]]]`, `,"x":1E+2`, `,"x":01`, `,"x":"\x"`, ",\"x\":\"\t\"", `,"x"`,
	} {
		bodies = append(bodies, oneRow(dialogWith(fields)))
	}
	return bodies
}

func FuzzDecodeDialogs(f *testing.F) {
	for _, body := range rowSeeds() {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := decodePage(body, decodeDialog)
		agree(t, body, page, err, func(d Dialog) oracleRow {
			ids := func(list []int64) (s string) {
				for _, id := range list {
					s += fmt.Sprint(id, " ")
				}
				return s
			}
			return oracleRow{
				"_id": d.ID, "created_at": d.CreatedAt, "updated_at": d.UpdatedAt, "type": int64(d.Type), "last_message_date_sent": d.LastMessageDateSent,
				"occupants_ids": ids(d.OccupantsIDs), "silent_ids": ids(d.SilentIDs), "deleted_ids": ids(d.DeletedIDs), "is_e2ee": d.IsE2EE,
			}
		}, "_id created_at updated_at type last_message_date_sent occupants_ids silent_ids deleted_ids is_e2ee", 4)
	})
}

func FuzzDecodeMessages(f *testing.F) {
	for _, body := range rowSeeds() {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := decodePage(body, decodeMessage)
		agree(t, body, page, err, func(m Message) oracleRow {
			return oracleRow{"_id": m.ID, "created_at": m.CreatedAt, "updated_at": m.UpdatedAt, "chat_dialog_id": m.ChatDialogID}
		}, "_id created_at updated_at chat_dialog_id", 3)
	})
}
