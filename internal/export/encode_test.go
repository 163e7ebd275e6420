package export

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

const sample = `{"_id":"620e2b1463ee2a1977b4ee65","type":3,"name":null,"description":"a \"b\", c\nd","user_id":-5,"photo":"=1+1",` +
	`"is_e2ee":false,"occupants_ids":[1, 2],"extensions":{"a":"b"},"mission":"x=1","last_message":"é😀"}`

func encode(t *testing.T, f Format, fields []string, list chatapi.Endpoint, rows ...string) string {
	t.Helper()
	e := newEncoder(f, fields, list)
	out := e.head()
	for _, row := range rows {
		var err error
		if out, err = e.add(out, []byte(row)); err != nil {
			t.Fatal(err)
		}
	}
	return string(out)
}

func TestNDJSON(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		what   string
		fields []string
		row    string
		want   string
	}{
		{"a row as it is", nil, sample, sample},
		{"a row of several lines", nil, "{\n  \"a\": 1\n}", `{"a":1}`},
		{"chosen fields in their order", []string{"type", "_id"}, sample, `{"type":3,"_id":"620e2b1463ee2a1977b4ee65"}`},
		{"custom parameters and null", []string{"mission", "name"}, sample, `{"mission":"x=1","name":null}`},
		{"a field that is missing", []string{"silent_ids", "type"}, sample, `{"type":3}`},
		{"no field at all", []string{"none"}, sample, `{}`},
		{"values as they stand", []string{"occupants_ids", "description"}, sample, `{"occupants_ids":[1, 2],"description":"a \"b\", c\nd"}`},
		{"a name that needs quotes", []string{`a"b`}, `{"a\"b":1}`, `{"a\"b":1}`},
	} {
		if got := encode(t, NDJSON, test.fields, chatapi.Dialogs, test.row); got != test.want+"\n" {
			t.Errorf("%s: got %s", test.what, got)
		}
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	fields := []string{"_id", "name", "description", "user_id", "photo", "is_e2ee", "occupants_ids", "extensions", "mission", "last_message", "none"}
	text := encode(t, CSV, fields, chatapi.Dialogs, sample, sample)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"620e2b1463ee2a1977b4ee65", "", "a \"b\", c\nd", "-5", "'=1+1", "false", "[1, 2]", `{"a":"b"}`, "x=1", "é😀", ""}
	if len(rows) != 3 || !slices.Equal(rows[0], fields) || !slices.Equal(rows[1], want) || !slices.Equal(rows[2], want) {
		t.Errorf("got %q", rows)
	}
}

func TestCSVColumnsAreTheDocumentedFields(t *testing.T) {
	t.Parallel()
	for list, want := range map[chatapi.Endpoint][]string{chatapi.Dialogs: DialogFields(), chatapi.Messages: MessageFields()} {
		head, _, _ := strings.Cut(encode(t, CSV, nil, list), "\n")
		if head != strings.Join(want, ",") {
			t.Errorf("%s: the head is %s", list, head)
		}
	}
}

func TestCSVOfOneColumn(t *testing.T) {
	t.Parallel()
	if got := encode(t, CSV, []string{"name"}, chatapi.Dialogs, sample, `{"name":"x"}`, `{}`); got != "name\n\"\"\nx\n\"\"\n" {
		t.Errorf("got %q", got)
	}
}

// What a spreadsheet would take for a formula gets an apostrophe, all else stays.
func TestHarmless(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u200b=1", "＝1", "＋1", "－1", "＠x", "\x00=1"} {
		if got := harmless(s); got != "'"+s {
			t.Errorf("%q became %q", s, got)
		}
	}
	for _, s := range []string{"", "a=1", "1-1", "hello", "'=1", "é", "   ", "\t"} {
		if got := harmless(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

// Errors must not quote what people wrote.
func TestErrorsOfRowsAreSilentOnThem(t *testing.T) {
	t.Parallel()
	for _, row := range []string{`["secret"]`, `{"name":secret}`, `{"name":"secret`, `"secret"`, ``} {
		for _, f := range []Format{NDJSON, CSV} {
			e := newEncoder(f, []string{"name"}, chatapi.Dialogs)
			if _, err := e.add(nil, []byte(row)); err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", row, err)
			}
		}
	}
}

// FuzzEncode wants any JSON object to become one line that holds it, or one CSV
// record of as many cells as there are fields.
func FuzzEncode(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(`{"name":"\ud800\u0000\r\n","photo":{"a":[null]},"photo":1e9}`))
	f.Fuzz(func(t *testing.T, row []byte) {
		fields := []string{"_id", "name", "photo"}
		for _, format := range []Format{NDJSON, CSV} {
			out, err := newEncoder(format, fields, chatapi.Dialogs).add(nil, row)
			if err != nil {
				continue
			}
			if format == NDJSON && strings.Count(string(out), "\n") != 1 {
				t.Errorf("%d lines of %q", strings.Count(string(out), "\n"), row)
			}
			if format == CSV {
				records, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
				if err != nil || len(records) != 1 || len(records[0]) != len(fields) {
					t.Errorf("%v, %q of %q", err, records, row)
				}
			}
		}
	})
}
