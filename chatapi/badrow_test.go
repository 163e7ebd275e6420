package chatapi_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// A wrong value in a field that we read is an error that names row and field,
// and never shows the value.
func TestBadRows(t *testing.T) {
	const (
		text  = `"` + canary + `"`
		notID = "is not an id of 24 hexadecimal digits"
	)
	id := map[string]string{
		"": "is missing", "null": "is not a string", "1987000001": "is not a string", "[]": "is not a string",
		text: notID, `""`: notID, `"63834bbecf1efb102da40f2"`: notID, `"63834bbecf1efb102da40f2cc"`: notID, `"g3834bbecf1efb102da40f2c"`: notID,
	}
	time := map[string]string{
		"": "is missing", "null": "is not a time", text: "is not a time", `""`: "is not a time", "true": "is not a time",
		`{"$date":"` + canary + `"}`: "is not a time", `"2022-13-27T11:36:31Z"`: "is not a time", `"2022-11-27"`: "is not a time",
		`"2022-11-27 11:36:31Z"`: "is not a time", `"1987000001"`: "is not a time",
		"1669549000123": "is a number, but not unix seconds", "-1": "is a number, but not unix seconds", "1e300": "is a number, but not unix seconds",
	}
	list := map[string]string{
		text: "is not a list", "1987000001": "is not a list", "{}": "is not a list", "false": "is not a list",
		"[" + text + "]": "is not an integer", `["1987000001"]`: "is not an integer", "[1,null]": "is not an integer", "[1987000001.5]": "is not an integer",
	}
	fields := map[chatapi.Endpoint]map[string]map[string]string{
		chatapi.Dialogs: {
			"_id": id, "created_at": time, "updated_at": time,
			"type":                   {"": "is missing", "null": "is not an integer", text: "is not an integer", `"3"`: "is not an integer", "3.0": "is not an integer", "[3]": "is not an integer"},
			"last_message_date_sent": {text: "is not a time", "[]": "is not a time", "1669549000123": "is a number, but not unix seconds"},
			"occupants_ids":          list, "silent_ids": list, "deleted_ids": list,
			"is_e2ee": {text: "is not true or false", "1": "is not true or false", "{}": "is not true or false"},
		},
		chatapi.Messages: {
			"_id": id, "created_at": time, "updated_at": time,
			"chat_dialog_id": {"1987000001": "is not a string", text: notID, "{}": "is not a string"},
		},
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 8, Messages: 8})
		for endpoint, byField := range fields {
			for field, byValue := range byField {
				for raw, says := range byValue {
					r.server.ClearFaults()
					r.server.Inject(chatapitest.Fault{Kind: chatapitest.BadField, Row: 3, Field: field, RawValue: raw})
					rows, err := 0, error(nil)
					if endpoint == chatapi.Dialogs {
						page, e := r.client.Dialogs(t.Context(), page())
						rows, err = len(page.Items), e
					} else {
						page, e := r.client.Messages(t.Context(), page())
						rows, err = len(page.Items), e
					}
					want := fmt.Sprintf("asking for %s: unusable answer: row 3, field %s: %s", endpoint, field, says)
					if err == nil || err.Error() != want || rows != 0 {
						t.Errorf("%s: %s: got %d rows, %v; want %s", field, raw, rows, err, want)
						continue
					}
					r.private(err.Error(), fmt.Sprintf("%+v %#v", err, err))
				}
			}
		}
	})
}

// What is beside the fields that we read may be anything.
func TestForeignFieldsAreNobodysBusiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 8, Messages: 8})
		truth, err := r.client.Messages(t.Context(), page())
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"type", "user_id", "name", "total_entries", "items", "silent_ids", "last_message_date_sent", "is_e2ee", "date_sent", "message"} {
			for _, raw := range []string{"null", "true", `"text"`, "-1.5e9", "[[[]]]", `{"_id":1,"created_at":[]}`} {
				r.server.ClearFaults()
				r.server.Inject(chatapitest.Fault{Kind: chatapitest.BadField, Row: 3, Field: field, RawValue: raw})
				got, err := r.client.Messages(t.Context(), page())
				if err != nil || got.Total != truth.Total || got.Items[3] != truth.Items[3] {
					t.Errorf("%s: %s: got %v, %v", field, raw, got, err)
				}
			}
		}
	})
}
