// Package dialog shows a dialog to people, and tells what a change makes of it.
package dialog

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

const maxShown = 200 // characters of a text that a user wrote

const (
	zeroWidthNonJoiner = '\u200c' // between letters of Persian
	zeroWidthJoiner    = '\u200d' // between the parts of an emoji
)

// escapes are what terminals obey: control sequences, and strings such as
// titles and links with whatever ends them.
var escapes = regexp.MustCompile("(?s:(?:\x1b\\[|\u009b)[0-?]*[ -/]*[@-~]" +
	"|(?:\x1b[\\]PX^_]|[\u009d\u0090\u0098\u009e\u009f]).*?(?:\x07|\x1b\\\\|\u009c))")

// Text makes what a user of the application wrote fit for a terminal, in one
// line and not too long.
func Text(s string) string {
	s = escapes.ReplaceAllString(s, "")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !harmless(r):
			return -1
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > maxShown {
		s = string([]rune(s)[:maxShown]) + "…"
	}
	return s
}

// quoted shows where a text begins and ends.
func quoted(s string) string { return `"` + Text(s) + `"` }

// harmless tells whether a terminal shows the character and does nothing else.
// Control and formatting characters are not, those that turn the direction of
// writing among them; nor is U+FFFD, which stands for bytes that are no text.
func harmless(r rune) bool {
	return r != utf8.RuneError && unicode.IsPrint(r) || r == zeroWidthJoiner || r == zeroWidthNonJoiner
}

// JSON makes a row fit for a terminal without changing what it means: in
// strings, characters that are not harmless are written as \uXXXX.
func JSON(row []byte) []byte {
	row = chatapi.Line(row)
	out := make([]byte, 0, len(row)+len(row)/8)
	inString := false
	for len(row) > 0 {
		r, size := utf8.DecodeRune(row)
		switch {
		case inString && r == '\\' && len(row) > 1:
			out = append(out, '\\')
			row = row[1:]
			if r, size = utf8.DecodeRune(row); r < utf8.RuneSelf && harmless(r) {
				out = append(out, byte(r))
				row = row[size:]
			}
			continue
		case r == '"':
			inString = !inString
		case inString && !harmless(r):
			for _, unit := range utf16Of(r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
			row = row[size:]
			continue
		case !inString && !harmless(r) && r != '\t' && r != '\n':
			row = row[size:] // no JSON
			continue
		}
		out = append(out, row[:size]...)
		row = row[size:]
	}
	return out
}

func utf16Of(r rune) []rune {
	if r < 0x10000 {
		return []rune{r}
	}
	r -= 0x10000
	return []rune{0xd800 + r>>10, 0xdc00 + r&0x3ff}
}
