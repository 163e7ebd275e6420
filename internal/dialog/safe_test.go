package dialog

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// What users wrote is shown in one line, and does nothing to a terminal.
func TestText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      "",
		"Ops":                                   "Ops",
		"Ops – Київ 東京 ✅":                       "Ops – Київ 東京 ✅",
		"two\nlines\r\nand\ta tab":              "two lines  and a tab",
		"\x1b[31mred\x1b[0m":                    "red",
		"\x1b[2J\x1b[1;1Hgone":                  "gone",
		"\u009b31mred in one byte":              "red in one byte",
		"\x1b]0;a title\x07after":               "after",
		"\x1b]8;;https://evil.test\x1b\\a link": "a link",
		"\x1bPsixel\x1b\\after":                 "after",
		"\x1b]52;c;cGFzdGU=\u009cclip":          "clip",
		"\x1b]never ended":                      "]never ended",
		"\x1bc reset":                           "c reset",
		"\x1b\x1b[31m[31mnested":                "[31mnested",
		"back\b\bspace, bell\a, delete\x7f":     "backspace, bell, delete",
		"nul\x00":                               "nul",
		"\u202egnp.exe":                         "gnp.exe",
		"\u2066isolate\u2069 \u200emark\u061c":  "isolate mark",
		"line\u2028and paragraph\u2029":         "line and paragraph ",
		"\ufeffmark of order":                   "mark of order",
		"tag\U000e0041s":                        "tags",
		"no text: \xff\x9b31m":                  "no text: 31m",
		"family 👩\u200d👧":                       "family 👩\u200d👧",
		"می\u200cخواهم":                         "می\u200cخواهم",
		strings.Repeat("é", 201):                strings.Repeat("é", 200) + "…",
	} {
		if got := Text(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// A row's JSON keeps its meaning: what could harm a terminal is escaped.
func TestJSON(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]string{
		`{"name":"Ops"}`:          `{"name":"Ops"}`,
		"{\r\n \"a\": 1,\r\n}":    "{\n \"a\": 1,\n}", // no JSON
		"{\r\n \"a\": [1, 2]\n}":  `{"a":[1,2]}`,
		"{\"a\": \"\x7f\"}":       `{"a": "\u007f"}`,
		"{\"a\":\"\u009b31m\"}":   `{"a":"\u009b31m"}`,
		"{\"a\":\"\u202ex\"}":     `{"a":"\u202ex"}`,
		"{\"\u2066k\":null}":      `{"\u2066k":null}`,
		"{\"a\":\"\U000e0041\"}":  `{"a":"\udb40\udc41"}`,
		`{"a":"\u001b[31m"}`:      `{"a":"\u001b[31m"}`,
		`{"a":"\"\\","b":"é👩‍👧"}`: `{"a":"\"\\","b":"é👩‍👧"}`,
		"{\"a\":\"\xff\xfe\"}":    `{"a":"\ufffd\ufffd"}`,
		"{\"a\":\"\x1b[31m\"}":    `{"a":"\u001b[31m"}`, // no JSON, yet some servers write it
		"{\"a\":1}\x1b[31m":       `{"a":1}[31m`,
	} {
		if got := string(JSON([]byte(row))); got != want {
			t.Errorf("%q becomes %s, want %s", row, got, want)
		}
	}
}

func FuzzSafe(f *testing.F) {
	f.Add(`{"a":"\u202e\\"}`)
	f.Add("{\"a\":\"\u202e\U000e0041\\\"\"}")
	f.Add("\x1b[31m\x1b]0;x")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range Text(s) {
			if !harmless(r) {
				t.Errorf("%q becomes %q", s, Text(s))
			}
		}
		safe := JSON([]byte(s))
		for _, r := range string(safe) {
			if !harmless(r) && r != '\t' && r != '\n' {
				t.Errorf("%q becomes %q", s, safe)
			}
		}
		var before, after any
		if utf8.ValidString(s) && json.Unmarshal([]byte(s), &before) == nil {
			if err := json.Unmarshal(safe, &after); err != nil || !reflect.DeepEqual(before, after) {
				t.Errorf("%q becomes %q: %v", s, safe, err)
			}
		}
	})
}
