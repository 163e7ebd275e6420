package dialog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// lead is how many characters before the first difference are shown.
const lead = 20

const brailleBlank = '\u2800' // has no dots, and counts as a symbol

// visible shows every character of a text. Those that a reader cannot see, or
// that a terminal obeys, are written as in JSON.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case seen(r):
			b.WriteRune(r)
		default:
			for _, unit := range utf16Of(r) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
	}
	return b.String()
}

// seen tells whether a reader sees the character. Among those that a terminal
// shows as nothing are some that count as letters or marks.
func seen(r rune) bool {
	switch r {
	case zeroWidthJoiner, zeroWidthNonJoiner, brailleBlank:
		return false
	}
	return harmless(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// versus shows two different texts in such a way that they do not look the same.
// Of texts that are too long, the part around the first difference is shown,
// and the length is told.
func versus(before, after string) (string, string) {
	a, b := []rune(before), []rune(after)
	if len(a) <= maxShown && len(b) <= maxShown {
		return `"` + visible(before) + `"`, `"` + visible(after) + `"`
	}
	from := 0
	for from < len(a) && from < len(b) && a[from] == b[from] {
		from++
	}
	if before == after || from < maxShown/2 {
		from = 0
	}
	from = max(from-lead, 0)
	return part(a, from), part(b, from)
}

// part shows a text from one character on. What stands for the rest is outside
// of the quotation marks.
func part(text []rune, from int) string {
	to := min(from+maxShown, len(text))
	s := `"` + visible(string(text[from:to])) + `"`
	if from > 0 {
		s = "…" + s
	}
	if to < len(text) {
		s += "…"
	}
	return s + " (" + Count(len(text), "character") + ")"
}

// one shows a text that there is nothing to compare with.
func one(s string) string {
	s, _ = versus(s, "")
	return s
}

// eachPair shows an object exactly, and its long values as they differ from
// those of the other.
func eachPair(object, other map[string]json.RawMessage) string {
	if len(object) == 0 {
		return "none"
	}
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		name := visible(key)
		if len([]rune(key)) > maxShown {
			name = one(key)
		}
		texts = append(texts, name+"="+exactValue(object[key], other[key]))
	}
	return strings.Join(texts, ", ")
}

func exactValue(raw, other json.RawMessage) string {
	if s := strings.TrimSpace(string(raw)); s == "true" || s == "false" || s == "null" {
		return s
	}
	s, _ := versus(plain(raw), plain(other))
	return s
}
