package chatapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// TestRawRowsAreTheBytesOfTheAPI sweeps both lists and holds every row against
// the one that is stored.
func TestRawRowsAreTheBytesOfTheAPI(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		r := newRig(t, chatapitest.Config{Seed: seed, Dialogs: 700, Messages: 3000})
		truth := r.server.Truth()
		stored := map[string]json.RawMessage{}
		for _, d := range truth.Dialogs {
			stored[d.ID] = d.Row
		}
		for _, m := range truth.Messages {
			stored[m.ID] = m.Row
		}
		got := 0
		compare := func(id chatapi.ObjectID, row []byte) {
			if want := stored[id.String()]; !bytes.Equal(row, want) {
				t.Fatalf("%s:\ngot  %s\nwant %s", id, row, want)
			}
			got++
		}
		err := r.client.SweepRawDialogs(chatapi.Query{}, chatapi.AllIDs()).Run(context.Background(), 4, time.Time{}, func(rows []chatapi.RawDialog) {
			for _, row := range rows {
				compare(row.ID, row.JSON)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		err = r.client.SweepRawMessages(chatapi.Query{}, chatapi.AllIDs()).Run(context.Background(), 4, time.Time{}, func(rows []chatapi.RawMessage) {
			for _, row := range rows {
				compare(row.ID, row.JSON)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if got != len(stored) {
			t.Errorf("%d rows came, %d are stored", got, len(stored))
		}
		page, err := r.client.RawDialogs(context.Background(), chatapi.Query{Limit: 7})
		if err != nil || len(page.Items) != 7 {
			t.Fatal(len(page.Items), err)
		}
		for _, row := range page.Items {
			compare(row.ID, row.JSON)
		}
	}
}

func TestIDsBetween(t *testing.T) {
	t.Parallel()
	id := func(s string) (id chatapi.ObjectID) {
		if err := id.UnmarshalText([]byte(s)); err != nil {
			t.Fatal(err)
		}
		return id
	}
	a, b, c := id("100000000000000000000000"), id("100000000000000000000001"), id("100000000000000000000002")
	for _, test := range []struct {
		name          string
		after, before chatapi.ObjectID
		in, out       []chatapi.ObjectID
	}{
		{"no bounds", chatapi.ObjectID{}, chatapi.ObjectID{}, []chatapi.ObjectID{a, b, c}, nil},
		{"after", a, chatapi.ObjectID{}, []chatapi.ObjectID{b, c}, []chatapi.ObjectID{a}},
		{"before", chatapi.ObjectID{}, c, []chatapi.ObjectID{a, b}, []chatapi.ObjectID{c}},
		{"between", a, c, []chatapi.ObjectID{b}, []chatapi.ObjectID{a, c}},
		{"nothing between", a, b, nil, []chatapi.ObjectID{a, b}},
		{"the wrong way round", c, a, nil, []chatapi.ObjectID{a, b, c}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			holds := func(id chatapi.ObjectID) bool {
				for _, s := range chatapi.IDsBetween(test.after, test.before) {
					if s.After.Compare(id) < 0 && id.Compare(s.To) <= 0 {
						return true
					}
				}
				return false
			}
			for _, id := range test.in {
				if !holds(id) {
					t.Errorf("lacks %s", id)
				}
			}
			for _, id := range test.out {
				if holds(id) {
					t.Errorf("has %s", id)
				}
			}
		})
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a": 1, "b": "x\ny"}`:          `{"a": 1, "b": "x\ny"}`,
		"{\n  \"a\": [1,\r\n 2]\n}":      `{"a":[1,2]}`,
		"{\"a\":\n1.50e1,\"b\":\"é  \"}": `{"a":1.50e1,"b":"é  "}`,
	} {
		if got := chatapi.Line([]byte(in)); string(got) != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
