package chatapi

import (
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	tests := map[string]struct {
		text, date string
		want       time.Duration
	}{
		"none":                            {},
		"seconds":                         {text: "7", want: 7 * time.Second},
		"seconds in blanks":               {text: " 7 ", want: 7 * time.Second},
		"no seconds":                      {text: "0"},
		"leading zeros":                   {text: "007", want: 7 * time.Second},
		"a quarter of an hour":            {text: "900", want: 15 * time.Minute},
		"more is cut":                     {text: "901", want: 15 * time.Minute},
		"a year":                          {text: "31536000", want: 15 * time.Minute},
		"more than 64 bits":               {text: "99999999999999999999999999", want: 15 * time.Minute},
		"negative":                        {text: "-7"},
		"signed":                          {text: "+7"},
		"fraction":                        {text: "7.5"},
		"exponent":                        {text: "1e3"},
		"hexadecimal":                     {text: "0x10"},
		"garbage":                         {text: "soon"},
		"two values":                      {text: "7, 8"},
		"date":                            {text: "Sun, 01 Mar 2026 12:00:30 GMT", want: 30 * time.Second},
		"date of RFC 850":                 {text: "Sunday, 01-Mar-26 12:00:30 GMT", want: 30 * time.Second},
		"date of asctime":                 {text: "Sun Mar  1 12:00:30 2026", want: 30 * time.Second},
		"date by a server an hour ahead":  {text: "Sun, 01 Mar 2026 13:00:30 GMT", date: "Sun, 01 Mar 2026 13:00:00 GMT", want: 30 * time.Second},
		"date by a server an hour behind": {text: "Sun, 01 Mar 2026 11:00:30 GMT", date: "Sun, 01 Mar 2026 11:00:00 GMT", want: 30 * time.Second},
		"date beside a bad Date":          {text: "Sun, 01 Mar 2026 12:00:30 GMT", date: "yesterday", want: 30 * time.Second},
		"date gone by":                    {text: "Sun, 01 Mar 2026 11:59:30 GMT"},
		"date far off":                    {text: "Fri, 31 Dec 9999 23:59:59 GMT", want: 15 * time.Minute},
		"date long ago":                   {text: "Mon, 01 Jan 0001 00:00:00 GMT"},
		"broken date":                     {text: "Sun, 99 Mar 2026 12:00:30 GMT"},
	}
	for name, test := range tests {
		h := http.Header{"Retry-After": {test.text}, "Date": {test.date}}
		if got := retryAfter(h, noon); got != test.want {
			t.Errorf("%s: %q gives %v, want %v", name, test.text, got, test.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "7", "-7", "1e9", "18446744073709551616", "Sun, 01 Mar 2026 12:00:30 GMT", "Sun Mar  1 12:00:30 2026", "soon", "7\x00"} {
		f.Add(s, "")
		f.Add(s, "Sun, 01 Mar 2026 13:00:00 GMT")
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, text, date string) {
		d := retryAfter(http.Header{"Retry-After": {text}, "Date": {date}}, noon)
		if d < 0 || d > maxRetryAfter {
			t.Errorf("%q by %q gives %v", text, date, d)
		}
	})
}
