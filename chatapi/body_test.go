package chatapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"
)

const (
	asJSON = "application/json; charset=utf-8"
	asText = "text/plain; charset=utf-8"
	asHTML = "text/html; charset=utf-8"
)

func TestVendorMessage(t *testing.T) {
	key := NewSecret(`k3y-"0f\tests`)
	tests := map[string]struct{ body, contentType, want string }{
		"base":                   {`{"errors":{"base":["Forbidden. Need user."]}}`, asJSON, "Forbidden. Need user."},
		"several":                {`{"errors":{"base":["One","Two"]}}`, asJSON, "One; Two"},
		"list":                   {`{"errors":["Invalid password"]}`, asJSON, "Invalid password"},
		"field":                  {`{"errors":{"limit":["must be an integer"],"_id":["is bad"]}}`, asJSON, "limit must be an integer; _id is bad"},
		"string":                 {`{"errors":"Gone"}`, asJSON, "Gone"},
		"error and message":      {`{"code":1,"error":"Gone","message":"for good"}`, asJSON, "Gone; for good"},
		"text":                   {"HttpException: E_ROUTE_NOT_FOUND: Route not found", asText, "HttpException: E_ROUTE_NOT_FOUND: Route not found"},
		"JSON that claims text":  {`{"errors":["Invalid password"]}`, asText, "Invalid password"},
		"text that claims JSON":  {"Bad Gateway", asJSON, "Bad Gateway"},
		"HTML":                   {"<html><body>502 nginx</body></html>", asHTML, "(an HTML page)"},
		"HTML without a type":    {"\n<!DOCTYPE html>\n<html>", "", "(an HTML page)"},
		"HTML with a wrong type": {"<html>", asJSON, "(an HTML page)"},
		"empty":                  {"", asText, ""},
		"blank":                  {" \r\n\t", asHTML, ""},
		"JSON without errors":    {`{"total_entries":5,"items":[]}`, asJSON, ""},
		"a JSON list":            {`[{"errors":["x"]}]`, asJSON, ""},
		"broken JSON":            {`{"errors":["One","Tw`, asJSON, "One;"},
		"not strings":            {`{"errors":{"base":[1,null,{"a":{"b":{"c":{"d":"deep"}}}},true]}}`, asJSON, ""},
		"too many":               {`{"errors":["1","2","3","4","5","6","7","8","9","10"]}`, asJSON, "1; 2; 3; 4; 5; 6; 7; 8"},

		"lines":               {"One\r\nTwo\tThree\u2028Four\u00a0Five", asText, "One  Two Three Four Five"},
		"terminal escapes":    {"\x1b[31mRed\x1b[0m\x07\x9b1m", asText, "[31mRed[0m1m"},
		"escapes in JSON":     {`{"errors":["\u001b[2JGone\u0000\u0008"]}`, asJSON, "[2JGone"},
		"text direction":      {"user \u202egnp.exe\u2066 \u200f\u061c\ufeff", asText, "user gnp.exe"},
		"invisible":           {"a\u200bb\u200dc\u00add\u2060e\U000e0041", asText, "abcde"},
		"private and surplus": {"a\ue000b\U0010ffffc", asText, "abc"},
		"not UTF-8":           {"a\xff\xfeb\xc3", asText, "ab"},
		"other languages":     {"Ключ недействителен — 無効なキー", asText, "Ключ недействителен — 無効なキー"},

		"key":                     {`no key k3y-"0f\tests here`, asText, "no key <secret> here"},
		"key twice":               {`k3y-"0f\testsk3y-"0f\tests`, asText, "<secret><secret>"},
		"key in JSON":             {`{"errors":["bad k3y-\"0f\\tests"]}`, asJSON, "bad <secret>"},
		"key as a field":          {`{"errors":{"k3y-\"0f\\tests":["is bad"]}}`, asJSON, "<secret> is bad"},
		"key in \\u":              {`{"errors":["\u006b3y-\u0022\u0030f\\tests"]}`, asJSON, "<secret>"},
		"key split by controls":   {"bad k3\x00y-\x1b\"0f\u202e\\te\u200bsts", asText, "bad <secret>"},
		"key split by lines":      {"bad k3y\n-\"0f\\te\r\nsts", asText, "<secret>"},
		"key in bare \\u":         {`bad \u006b3y-\u00220f\u005ctests`, asText, "<secret>"},
		"key in a JSON string":    {`"bad k3y-\"0f\\tests"`, asJSON, "<secret>"},
		"key in a URL":            {`bad k%33y-%220f%5Ctests`, asText, "<secret>"},
		"key in Go's quotes":      {`bad "k\x33y-\"0f\\tests"`, asText, "<secret>"},
		"key in text within JSON": {`{"errors":["got {\"key\":\"k3y-\\\"0f\\\\tests\"}"]}`, asJSON, "<secret>"},
	}
	for name, test := range tests {
		if got := vendorMessage([]byte(test.body), test.contentType, key); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestVendorMessageIsCut(t *testing.T) {
	key := NewSecret("k3y")
	long := strings.Repeat("é", maxMessage)
	if got := vendorMessage([]byte(long), asText, key); got != long {
		t.Errorf("%d characters are cut to %d", maxMessage, utf8.RuneCountInString(got))
	}
	if got := vendorMessage([]byte(long+"é"), asText, key); got != long+"..." {
		t.Errorf("%d characters become %q", maxMessage+1, got)
	}
	// A key across the cut is masked, not halved.
	text := strings.Repeat("x", maxMessage-1) + "k3y"
	if got := vendorMessage([]byte(text), asText, key); got != text[:maxMessage-1]+"<..." {
		t.Errorf("got %q", got)
	}
	if got := vendorMessage([]byte(`{"errors":`+strings.Repeat("[", 100_000)), asJSON, key); got != "" {
		t.Errorf("a deep body gives %q", got)
	}
}

// No body makes a message that is too long, shows the key, or does anything to
// a terminal.
func FuzzVendorMessage(f *testing.F) {
	const bare = "k3y-of-tests"
	for _, s := range []string{
		`{"errors":{"base":["x k3y-of-tests"]}}`, `{"errors":["k3y-of\u002dtests"]}`, `{"errors":{"k3y-of-tests":["x"]}}`, "k3y\x00-of-\u202etests",
		"k3y-\nof-tests", "<html>k3y-of-tests", `"k3y\u002dof-tests"`, "k3y%2Dof-tests", `{"errors":[[[[["x"]]]]]}`, strings.Repeat("k3y-of-tests", 30), "\xff\x1b[0m",
	} {
		f.Add([]byte(s), asJSON)
		f.Add([]byte(s), asText)
		f.Add([]byte(s), "")
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		got := vendorMessage(body, contentType, NewSecret(bare))
		if strings.Contains(strings.ReplaceAll(got, " ", ""), bare) {
			t.Errorf("the key is shown: %q", got)
		}
		if n := utf8.RuneCountInString(got); n > maxMessage+3 || !utf8.ValidString(got) {
			t.Errorf("%d characters: %q", n, got)
		}
		for _, r := range got {
			if r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r) {
				t.Errorf("%U is left in %q", r, got)
			}
		}
	})
}

// A body is read up to the cap whatever its length is said to be.
func TestReadBody(t *testing.T) {
	tests := map[string]struct {
		size, claimed int
		ok            bool
	}{
		"empty":                        {0, 0, true},
		"of known length":              {1000, 1000, true},
		"of unknown length":            {200_000, -1, true},
		"longer than claimed":          {1000, 10, true},
		"at the cap":                   {maxBody, maxBody, true},
		"at the cap, length not known": {maxBody, -1, true},
		"over the cap":                 {maxBody + 1, -1, false},
		"over the cap and says so":     {10, maxBody + 1, false},
		"far over the cap":             {10 * maxBody, -1, false},
	}
	for name, test := range tests {
		source := &countingReader{Reader: io.LimitReader(iotest.HalfReader(zeros{}), int64(test.size))}
		body, err := readBody(&http.Response{ContentLength: int64(test.claimed), Body: io.NopCloser(source)})
		if test.ok && (err != nil || len(body) != test.size) || !test.ok && (!errors.Is(err, errTooLarge) || body != nil) {
			t.Errorf("%s: got %d bytes, %v", name, len(body), err)
		}
		if source.n > 2*maxBody {
			t.Errorf("%s: %d bytes were read", name, source.n)
		}
	}
	broken := fmt.Errorf("broken")
	if _, err := readBody(&http.Response{ContentLength: -1, Body: io.NopCloser(iotest.ErrReader(broken))}); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type countingReader struct {
	io.Reader
	n int
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += n
	return n, err
}
