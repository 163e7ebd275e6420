package chatapi

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// ParseURL reads the base URL of the API. A missing scheme means https; a path
// is kept as a prefix. URLs with user info, a query or a fragment are refused,
// since they may carry secrets; for the same reason no error repeats the URL.
func ParseURL(raw string) (*url.URL, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		return nil, errors.New("the URL is empty")
	}
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the URL must start with https:// or http://")
	case u.User != nil:
		return nil, errors.New("the URL must not hold a user name or password")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, errors.New("the URL must not hold a query")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return nil, errors.New("the URL must not hold a fragment")
	case u.Hostname() == "" || strings.HasSuffix(u.Host, ":"):
		return nil, errors.New("the URL names no host")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

// IsInsecure tells whether the key would cross a network in plain text: http
// to a host that is not this machine.
func IsInsecure(u *url.URL) bool {
	if u.Scheme != "http" {
		return false
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	return !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback())
}

// sameOrigin compares scheme, host and port, default ports filled in.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}
