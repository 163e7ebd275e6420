package chatapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sampleDialog is the row that the vendor's page shows for Dialogs List.
const sampleDialog = `{
	"_id": "620e2b1463ee2a1977b4ee65", "user_id": 32241, "created_at": "2022-02-17T11:01:40Z", "updated_at": "2022-02-17T11:01:49Z",
	"type": 3, "occupants_ids":[32241, 32242], "last_message": "Warning! People are coming", "last_message_date_sent": 1645095709,
	"last_message_id": "620e2b14e45f5b089d000008", "last_message_user_id": 32241, "last_message_status": "sent", "name": null,
	"description": null, "photo": null, "occupants_count": null, "xmpp_room_jid": null, "is_e2ee": null, "admins_ids":[], "is_muted": null,
	"unread_messages_count": null, "pinned_messages_ids": null, "deleted_ids":[], "silent_ids":[32242]
}`

func oneRow(row string) []byte {
	return fmt.Appendf(nil, `{"total_entries":1788,"skip":0,"limit":100,"items":[%s]}`, row)
}

func mustID(s string) ObjectID {
	id, err := ParseObjectID(s)
	if err != nil {
		panic(err)
	}
	return id
}

func TestDecodeSamples(t *testing.T) {
	dialogs, err := decodePage(oneRow(sampleDialog), decodeDialog)
	want := Dialog{
		ID: mustID("620e2b1463ee2a1977b4ee65"), CreatedAt: 1645095700, UpdatedAt: 1645095709, Type: 3, LastMessageDateSent: 1645095709,
		OccupantsIDs: []int64{32241, 32242}, SilentIDs: []int64{32242}, DeletedIDs: []int64{},
	}
	if err != nil || dialogs.Total != 1788 || len(dialogs.Items) != 1 || !reflect.DeepEqual(dialogs.Items[0], want) {
		t.Errorf("got %+v, %v; want %+v", dialogs, err, want)
	}
	messages, err := decodePage(samplePage(100), decodeMessage)
	first := Message{ID: mustID("63834bbecf1efb102da40000"), ChatDialogID: mustID("61721539107bd9002fdb84ed"), CreatedAt: 1669548960, UpdatedAt: 1669548991}
	if err != nil || messages.Total != 663000 || len(messages.Items) != 100 || messages.Items[0] != first {
		t.Errorf("got %d of %d rows, the first %+v, %v; want %+v", len(messages.Items), messages.Total, messages.Items[0], err, first)
	}
}

// dialogWith is a dialog with fields added at its end.
func dialogWith(fields string) string {
	return `{"_id":"620e2b1463ee2a1977b4ee65","created_at":100,"updated_at":200,"type":2` + fields + `}`
}

func TestDecodeForms(t *testing.T) {
	plain := Dialog{ID: mustID("620e2b1463ee2a1977b4ee65"), CreatedAt: 100, UpdatedAt: 200, Type: 2}
	with := func(f func(*Dialog)) Dialog { d := plain; f(&d); return d }
	tests := map[string]struct {
		row  string
		want Dialog
	}{
		"nothing but what is needed": {dialogWith(""), plain},
		"lists null":                 {dialogWith(`,"occupants_ids":null,"silent_ids":null,"deleted_ids":null`), plain},
		"lists empty":                {dialogWith(`,"occupants_ids":[],"silent_ids":[ ],"deleted_ids":[]`), plain},
		"lists filled": {dialogWith(`,"silent_ids":[1,2],"deleted_ids":[3],"occupants_ids":[1,2,3]`), with(func(d *Dialog) {
			d.SilentIDs, d.DeletedIDs, d.OccupantsIDs = []int64{1, 2}, []int64{3}, []int64{1, 2, 3}
		})},
		"never a message":           {dialogWith(`,"last_message_date_sent":null`), plain},
		"a message":                 {dialogWith(`,"last_message_date_sent":7`), with(func(d *Dialog) { d.LastMessageDateSent = 7 })},
		"a message, its time ISO":   {dialogWith(`,"last_message_date_sent":"1970-01-01T00:00:07.9Z"`), with(func(d *Dialog) { d.LastMessageDateSent = 7 })},
		"encrypted":                 {dialogWith(`,"is_e2ee":true`), with(func(d *Dialog) { d.IsE2EE = true })},
		"not encrypted":             {dialogWith(`,"is_e2ee":false`), plain},
		"not said whether":          {dialogWith(`,"is_e2ee":null`), plain},
		"an unknown type":           {dialogWith(`,"type":5`), with(func(d *Dialog) { d.Type = 5 })},
		"a field twice":             {dialogWith(`,"updated_at":300,"created_at":101`), with(func(d *Dialog) { d.CreatedAt, d.UpdatedAt = 101, 300 })},
		"a list twice":              {dialogWith(`,"silent_ids":[1],"silent_ids":[2,3]`), with(func(d *Dialog) { d.SilentIDs = []int64{2, 3} })},
		"a list and then null":      {dialogWith(`,"silent_ids":[1],"silent_ids":null,"is_e2ee":true,"is_e2ee":null`), plain},
		"names escaped":             {dialogWith(`,"\u0074ype":4,"is\u005fe2ee":true`), with(func(d *Dialog) { d.Type, d.IsE2EE = 4, true })},
		"names in other letters":    {dialogWith(`,"TYPE":"x","Silent_IDs":5,"_ID":null`), plain},
		"names of the envelope":     {dialogWith(`,"total_entries":"x","items":5,"limit":{}`), plain},
		"names within objects":      {dialogWith(`,"extensions":{"type":"x","_id":5},"data":{"silent_ids":"x"}`), plain},
		"not UTF-8 beside":          {dialogWith(",\"name\":\"\xff\xc3\",\"\xfe\":1"), plain},
		"half a surrogate beside":   {dialogWith(`,"name":"\ud800","description":"\udc00\ud800"`), plain},
		"numbers of any size":       {dialogWith(`,"data":[1e999,-0.0E-9,123456789012345678901234567890]`), plain},
		"deep beside":               {dialogWith(`,"data":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000)), plain},
		"fractions of unix seconds": {dialogWith(`,"created_at":100.999,"updated_at":2e2`), plain},
	}
	for name, test := range tests {
		page, err := decodePage(oneRow(test.row), decodeDialog)
		if err != nil || len(page.Items) != 1 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := fmt.Sprintf("%+v", page.Items[0]); got != fmt.Sprintf("%+v", test.want) {
			t.Errorf("%s: got %s, want %+v", name, got, test.want)
		}
	}
}

func TestDecodeTimes(t *testing.T) {
	for raw, want := range map[string]int64{
		`"2022-02-17T11:01:40Z"`:                1645095700,
		`"2022-02-17T11:01:40.000Z"`:            1645095700,
		`"2022-02-17T11:01:40.999999999Z"`:      1645095700,
		`"2022-02-17T13:01:40+02:00"`:           1645095700,
		`"2022-02-17T05:31:40.5-05:30"`:         1645095700,
		`"2022-02-17T11:01:40\u005a"`:           1645095700,
		`"1969-12-31T23:59:59.5Z"`:              -1,
		`1645095700`:                            1645095700,
		`1645095700.999`:                        1645095700,
		`1.6450957e9`:                           1645095700,
		`0`:                                     0,
		`99999999999`:                           99999999999,
		`"2024-02-29T00:00:00Z"`:                1709164800,
		`"2022-02-17T11:01:40.123456789012Z"`:   1645095700,
		`"9999-12-31T23:59:59Z"`:                253402300799,
		` "2022-02-17T11:01:40.688+00:00"     `: 1645095700,
	} {
		row := `{"_id":"620e2b1463ee2a1977b4ee65","created_at":` + raw + `,"updated_at":1}`
		page, err := decodePage(oneRow(row), decodeMessage)
		if err != nil || page.Items[0].CreatedAt != want {
			t.Errorf("%s: got %v, %v; want %d", raw, page.Items, err, want)
		}
	}
	for _, raw := range []string{
		`1645095700000`, `100000000000`, `-1`, `-0.5`, `1e11`, `1e999`, `"1645095700"`, `"2022-02-17T11:01:40"`, `"2022-02-17 11:01:40Z"`, `"2022-02-17T11:01:40+0200"`,
		`"2022-02-30T11:01:40Z"`, `"2022-02-17T24:01:40Z"`, `"2022-2-17T11:01:40Z"`, `"Thu, 17 Feb 2022 11:01:40 GMT"`, `null`, `true`, `[]`, `{}`, `""`,
	} {
		row := `{"_id":"620e2b1463ee2a1977b4ee65","created_at":` + raw + `,"updated_at":1}`
		if page, err := decodePage(oneRow(row), decodeMessage); err == nil || !strings.Contains(err.Error(), "row 0, field created_at: is ") {
			t.Errorf("%s: got %v, %v; want an error", raw, page.Items, err)
		}
	}
}

func TestDecodeBrokenReplies(t *testing.T) {
	const ok = `{"total_entries":0,"items":[]}`
	for name, body := range map[string]string{
		"empty": "", "blank": " \n", "null": "null", "a list": "[]", "a string": `"x"`, "a number": "7", "HTML": "<html></html>", "a BOM": "\ufeff" + ok,
		"no end": `{"total_entries":0,"items":[]`, "no value": `{"total_entries":,"items":[]}`, "no comma": `{"total_entries":0 "items":[]}`,
		"trailing comma": `{"total_entries":0,"items":[],}`, "single quotes": `{'total_entries':0,'items':[]}`, "a comment": ok + "// x",
		"twice": ok + ok, "text after it": ok + "zanzibar", "a NUL after it": ok + "\x00", "a brace after it": ok + "}", "a number after it": ok + "1", "a comma after it": ok + ",",
		"a minus after it": ok + "-", "a list after it": ok + "[", "a quote after it": ok + `"`, "half a null after it": ok + " nul", "an exponent after it": ok + "1e", "a dot after it": ok + "1.",
		"not null in a list":    string(oneRow(dialogWith(`,"silent_ids":nul1[1]`))),
		"not null in a flag":    string(oneRow(dialogWith(`,"is_e2ee":nuxltrue`))),
		"not null beside":       string(oneRow(dialogWith(`,"name":nulx`))),
		"not true":              string(oneRow(dialogWith(`,"is_e2ee":trux`))),
		"a control in a name":   string(oneRow(dialogWith(",\"na\nme\":1"))),
		"a control in a string": string(oneRow(dialogWith(",\"name\":\"a\nb\""))),
		"leading zero":          `{"total_entries":01,"items":[]}`, "a plus": `{"total_entries":+1,"items":[]}`, "a bare dot": `{"total_entries":1.,"items":[]}`,
		"rows that are none":     `{"total_entries":1,"items":[5]}`,
		"rows null":              `{"total_entries":1,"items":[null]}`,
		"rows in rows":           `{"total_entries":1,"items":[[]]}`,
		"an object for rows":     `{"total_entries":1,"items":{}}`,
		"the count form":         `{"items":{"count":5}}`,
		"an error body":          `{"errors":["zanzibar"]}`,
		"too deep beside":        string(oneRow(dialogWith(`,"data":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)))),
		"too deep and no end":    `{"total_entries":0,"x":` + strings.Repeat(`{"a":`, 100_000),
		"too deep in the list":   `{"total_entries":0,"items":` + strings.Repeat("[", 100_000),
		"too deep in a field":    string(oneRow(dialogWith(`,"silent_ids":` + strings.Repeat("[", 100_000)))),
		"second total is no int": `{"total_entries":1,"items":[],"total_entries":"zanzibar"}`,
	} {
		page, err := decodePage([]byte(body), decodeDialog)
		if err == nil {
			t.Errorf("%s: got %+v, want an error", name, page)
			continue
		}
		if _, ok := errors.AsType[*decodeError](err); !ok || strings.Contains(err.Error(), "zanzibar") {
			t.Errorf("%s: got %T %v", name, err, err)
		}
	}
	if page, err := decodePage([]byte(" \r\n"+ok+"\n\t "), decodeDialog); err != nil || page.Total != 0 || len(page.Items) != 0 {
		t.Errorf("in blanks: got %+v, %v", page, err)
	}
}

// A reply that ends early is an error wherever it ends.
func TestDecodeTruncated(t *testing.T) {
	body := oneRow(sampleDialog)
	for n := range body {
		if page, err := decodePage(body[:n], decodeDialog); err == nil {
			t.Errorf("%d of %d bytes give %+v", n, len(body), page)
		}
	}
	body = samplePage(2)
	for n := range body {
		if page, err := decodePage(body[:n], decodeMessage); err == nil {
			t.Errorf("%d of %d bytes give %+v", n, len(body), page)
		}
	}
}

// A page costs at most a third of the allocations of encoding/json.
func TestDecodeAllocations(t *testing.T) {
	body := samplePage(100)
	ours := testing.AllocsPerRun(20, func() {
		if _, err := decodePage(body, decodeMessage); err != nil {
			t.Fatal(err)
		}
	})
	plain := testing.AllocsPerRun(20, func() {
		var page struct {
			Total int64 `json:"total_entries"`
			Items []struct {
				ID           string    `json:"_id"`
				ChatDialogID string    `json:"chat_dialog_id"`
				CreatedAt    time.Time `json:"created_at"`
				UpdatedAt    time.Time `json:"updated_at"`
			} `json:"items"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
	})
	if ours > plain/3 {
		t.Errorf("%g allocations a page, encoding/json takes %g; want at most a third", ours, plain)
	}
}
