package chatapi

import (
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-faster/jx"
)

const (
	maxBody    = 8 << 20
	maxMessage = 200 // characters kept of a text that the vendor wrote
)

var errTooLarge = errors.New("body over the cap")

// readBody reads at most maxBody bytes, after decompression.
func readBody(res *http.Response) ([]byte, error) {
	size := res.ContentLength
	if size > maxBody {
		return nil, errTooLarge
	}
	if size < 0 {
		size = 64 << 10
	}
	body := make([]byte, 0, size+1)
	for {
		n, err := res.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > maxBody:
			return nil, errTooLarge
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		case len(body) == cap(body):
			body = append(body, 0)[:len(body)]
		}
	}
}

// vendorMessage finds the message in the bodies that the API is known to
// answer with (api-facts 7): {"errors": {"base": [..]}}, {"errors": [..]},
// {"errors": {"<field>": [..]}}, plain text, and HTML, which is not repeated.
func vendorMessage(body []byte, contentType string, key Secret) string {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	text := strings.TrimSpace(string(body[:min(len(body), 64<<10)]))
	switch {
	case text == "":
		return ""
	case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
		text = strings.Join(errorStrings(body), "; ")
	case mediaType == "text/html" || strings.HasPrefix(text, "<"):
		return "(an HTML page)"
	}
	return clean(text, key)
}

// errorStrings collects the strings under "errors", each with its field.
func errorStrings(body []byte) (texts []string) {
	d := jx.DecodeBytes(body)
	if d.Next() != jx.Object {
		return nil
	}
	_ = d.ObjBytes(func(d *jx.Decoder, key []byte) error {
		switch string(key) {
		case "errors", "error", "message":
			return collectStrings(d, "", 0, &texts)
		}
		return d.Skip()
	})
	return texts
}

func collectStrings(d *jx.Decoder, field string, depth int, texts *[]string) error {
	if depth > 3 || len(*texts) >= 8 {
		return d.Skip()
	}
	switch d.Next() {
	case jx.String:
		s, err := d.Str()
		if field != "" && field != "base" {
			s = field + " " + s
		}
		*texts = append(*texts, s)
		return err
	case jx.Array:
		return d.Arr(func(d *jx.Decoder) error { return collectStrings(d, field, depth+1, texts) })
	case jx.Object:
		return d.Obj(func(d *jx.Decoder, key string) error { return collectStrings(d, key, depth+1, texts) })
	}
	return d.Skip()
}

// clean makes a text of the vendor's fit for a log line: control and formatting
// characters gone, keys masked, at most maxMessage characters. The order
// matters: a key must not reappear once what split it is gone.
func clean(text string, key Secret) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	if !key.IsZero() {
		text = strings.ReplaceAll(text, key.Reveal(), secretMask)
		joined := strings.ReplaceAll(text, " ", "")
		if strings.Contains(joined, key.Reveal()) || strings.Contains(unescape(joined), key.Reveal()) {
			return secretMask // wrapped or escaped: there is no telling where it starts
		}
	}
	text = strings.TrimSpace(text)
	if runes := []rune(text); len(runes) > maxMessage {
		return string(runes[:maxMessage]) + "..."
	}
	return text
}

// unescape undoes what URLs, JSON and Go's %q make of ASCII characters.
func unescape(text string) string {
	var out strings.Builder
	for len(text) > 0 {
		c, size := text[0], 1
		for _, form := range []string{"%", `\x`, `\u00`} {
			if hexed, ok := strings.CutPrefix(text, form); ok && len(hexed) >= 2 {
				if b, err := hex.DecodeString(hexed[:2]); err == nil {
					c, size = b[0], len(form)+2
				}
			}
		}
		if size == 1 && c == '\\' && len(text) > 1 {
			c, size = text[1], 2
		}
		out.WriteByte(c)
		text = text[size:]
	}
	return out.String()
}
