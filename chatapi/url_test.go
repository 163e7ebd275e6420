package chatapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	right := map[string]string{
		"https://api.connectycube.com":    "https://api.connectycube.com",
		"https://api.connectycube.com/":   "https://api.connectycube.com",
		"api.connectycube.com":            "https://api.connectycube.com",
		" api.example.org:8443/eu/ \n":    "https://api.example.org:8443/eu",
		"HTTPS://API.example.org//":       "https://API.example.org",
		"http://localhost:8080":           "http://localhost:8080",
		"localhost:8080":                  "https://localhost:8080",
		"http://[::1]:8080/a/b":           "http://[::1]:8080/a/b",
		"https://xn--e1afmkfd.example/пр": "https://xn--e1afmkfd.example/%D0%BF%D1%80",
	}
	for raw, want := range right {
		if u, err := ParseURL(raw); err != nil || u.String() != want {
			t.Errorf("%q: got %v, %v; want %s", raw, u, err, want)
		}
	}
	wrong := map[string]string{
		"":                             "empty",
		" ":                            "empty",
		"ftp://s3cret.example":         "https:// or http://",
		"file:///etc/s3cret":           "https:// or http://",
		"://s3cret":                    "not a URL",
		"https://":                     "no host",
		"https:///s3cret":              "no host",
		"https://:8080":                "no host",
		"http:/s3cret.example":         "no host",
		"https://s3cret.example:":      "no host",
		"https://s3cret.example:port":  "not a URL",
		"https://s3 cret.example":      "not a URL",
		"https://s3cret.example/%zz":   "not a URL",
		"https://s3cret.example/\x00":  "not a URL",
		"https://[s3cret":              "not a URL",
		"https://s3cret@host":          "user name or password",
		"https://user:s3cret@host":     "user name or password",
		"user:s3cret@host":             "user name or password",
		"https://@host":                "user name or password",
		"https://host?key=s3cret":      "query",
		"https://host/?":               "query",
		"https://host#s3cret":          "fragment",
		"https://host/#":               "fragment",
		"https:\\\\s3cret.example":     "not a URL",
		"mailto:s3cret@example.org":    "user name or password",
		"https:s3cret.example":         "not a URL",
		"javascript://s3cret.example/": "https:// or http://",
	}
	for raw, says := range wrong {
		u, err := ParseURL(raw)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "s3") {
			t.Errorf("%q: got %v, %v; want an error with %q and nothing of the URL", raw, u, err, says)
		}
	}
}

func TestIsInsecure(t *testing.T) {
	for raw, want := range map[string]bool{
		"https://api.example.org": false, "http://api.example.org": true, "http://10.0.0.1": true, "http://[2001:db8::1]:80": true,
		"http://localhost": false, "http://LOCALHOST:8080": false, "http://127.0.0.1:8080": false, "http://127.8.9.10": false, "http://[::1]:8080": false,
		"http://localhost.example.org": true, "http://127.0.0.1.example.org": true, "http://0.0.0.0": true,
	} {
		u, err := ParseURL(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := IsInsecure(u); got != want {
			t.Errorf("%s: got %v, want %v", raw, got, want)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"https://api.test", "https://api.test/path?query", true},
		{"https://api.test", "https://api.test:443", true},
		{"http://api.test:80", "http://api.test", true},
		{"https://api.test", "https://API.test", true},
		{"https://api.test", "http://api.test", false},
		{"https://api.test", "http://api.test:443", false},
		{"https://api.test", "https://api.test:8443", false},
		{"https://api.test", "https://api.test.example", false},
		{"https://api.test", "https://www.api.test", false},
		{"http://[::1]:80", "http://[::1]", true},
		{"http://127.0.0.1", "http://localhost", false},
	}
	for _, test := range tests {
		a, _ := url.Parse(test.a)
		b, _ := url.Parse(test.b)
		if sameOrigin(a, b) != test.want || sameOrigin(b, a) != test.want {
			t.Errorf("%s and %s: want %v", test.a, test.b, test.want)
		}
	}
}

// A proxy from the environment would read the key on plain http; https passes
// it in a tunnel.
func TestProxyIsForHTTPSOnly(t *testing.T) {
	asked := 0
	proxy := httpsOnly(func(*http.Request) (*url.URL, error) {
		asked++
		return &url.URL{Scheme: "http", Host: "proxy.test"}, nil
	})
	for raw, want := range map[string]bool{"http://api.test": false, "http://127.0.0.1:8080": false, "https://api.test": true} {
		req, err := http.NewRequest(http.MethodGet, raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := proxy(req); err != nil || (u != nil) != want {
			t.Errorf("%s: got proxy %v, %v; want one: %v", raw, u, err, want)
		}
	}
	if asked != 1 {
		t.Errorf("the environment was asked %d times, want once", asked)
	}
	req, _ := http.NewRequest(http.MethodGet, "http://api.test", nil)
	if u, err := newTransport(1).Proxy(req); u != nil || err != nil {
		t.Errorf("the transport gives plain http the proxy %v, %v", u, err)
	}
}
