package dialog

import (
	"encoding/json"
	"strings"
	"testing"
)

// Before and after a change, nothing in a text is invisible, and nothing does
// anything to a terminal.
func TestVisible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                 "",
		"Ops – Київ 東京 ✅":                  "Ops – Київ 東京 ✅",
		"\u202eOps":                        `\u202eOps`,
		"A\u202e\x1b[31mB":                 `A\u202e\u001b[31mB`,
		`\u202e "quoted"`:                  `\\u202e \"quoted\"`,
		"two\nlines\r\nand\ta tab":         `two\nlines\u000d\nand\ta tab`,
		"O\u200dp\u200cs\u200b":            `O\u200dp\u200cs\u200b`,
		"no\u00a0break\u2003wide\u3000":    `no\u00a0break\u2003wide\u3000`,
		"O\ufe0fps\U000e0100":              `O\ufe0fps\udb40\udd00`,
		"filler\u3164\u115f\uffa0\u034f":   `filler\u3164\u115f\uffa0\u034f`,
		"blank\u2800":                      `blank\u2800`,
		"tag\U000e0041":                    `tag\udb40\udc41`,
		"order\ufeff\u2066\u200e\u061c":    `order\ufeff\u2066\u200e\u061c`,
		"control\x00\x7f\u009b\xff\u2028 ": `control\u0000\u007f\u009b\ufffd\u2028 `,
	} {
		if got := visible(text); got != want {
			t.Errorf("%q becomes %s, want %s", text, got, want)
		}
	}
}

// Long texts are shown where they differ, with their lengths.
func TestVersus(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	for name, c := range map[string]struct{ before, after, wantBefore, wantAfter string }{
		"short":                {"a", "b", `"a"`, `"b"`},
		"ellipses of users":    {"a…", "…", `"a…"`, `"…"`},
		"just short":           {x(200), x(199), `"` + x(200) + `"`, `"` + x(199) + `"`},
		"different at once":    {"a" + x(12000), "b", `"a` + x(199) + `"… ` + "(12\u202f001 characters)", `"b" (1 character)`},
		"different at the end": {x(299) + "a", x(299) + "b", `…"` + x(20) + `a" (300 characters)`, `…"` + x(20) + `b" (300 characters)`},
		"different amid":       {x(300) + "a" + x(300), x(300) + "b" + x(300), `…"` + x(20) + "a" + x(179) + `"… (601 characters)`, `…"` + x(20) + "b" + x(179) + `"… (601 characters)`},
		"longer":               {x(300), x(301), `…"` + x(20) + `" (300 characters)`, `…"` + x(21) + `" (301 characters)`},
		"invisible":            {x(300), x(300) + "\u202e", `…"` + x(20) + `" (300 characters)`, `…"` + x(20) + `\u202e" (301 characters)`},
		"the same":             {x(300), x(300), `"` + x(200) + `"… (300 characters)`, `"` + x(200) + `"… (300 characters)`},
	} {
		before, after := versus(c.before, c.after)
		if before != c.wantBefore || after != c.wantAfter {
			t.Errorf("%s:\n%s → %s, want\n%s → %s", name, before, after, c.wantBefore, c.wantAfter)
		}
	}
}

// A value cannot look like two extensions, nor a key like another.
func TestEachPair(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	object := func(text string) (o map[string]json.RawMessage) {
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	for _, c := range []struct{ object, other, want string }{
		{`{}`, `{"a":"1"}`, "none"},
		{`{"b":true,"a":"1","c":2}`, `{}`, `a="1", b=true, c="2"`},
		{`{"a":"1\", b=\"2"}`, `{}`, `a="1\", b=\"2"`},
		{`{"a\u202e":"\u200b"}`, `{}`, `a\u202e="\u200b"`},
		{`{"a":"` + long + `1","b":"2"}`, `{"a":"` + long + `2"}`, `a=…"` + long[:20] + `1" (301 characters), b="2"`},
		{`{"` + long + `":"1"}`, `{}`, `"` + long[:200] + `"… (300 characters)="1"`},
	} {
		if got := eachPair(object(c.object), object(c.other)); got != c.want {
			t.Errorf("%s beside %s: %s, want %s", c.object, c.other, got, c.want)
		}
	}
}

// Effects that start from different texts differ, even if they look the same.
func TestEffectsOfHiddenDifferences(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 500)
	change := Change{Texts: map[string]*string{"name": ptr("y")}, Extensions: map[string]string{"a": "1"}}
	effects := func(name, extension string) []Effect {
		return change.Effects(rowOf(t, ops(t).Dialog, `"name":"`+name+`","extensions":{"b":"`+extension+`"}`))
	}
	base := effects(long+"a", long+"a")
	for i, other := range [][]Effect{effects(long+"b", long+"a"), effects(long+"a", long+"b")} {
		if base[i] == other[i] || base[1-i] != other[1-i] {
			t.Errorf("%+v, beside %+v", base, other)
		}
	}
}

func FuzzVersus(f *testing.F) {
	f.Add("A\u202e", "A")
	f.Add(strings.Repeat("x", 300), strings.Repeat("x", 301))
	f.Fuzz(func(t *testing.T, a, b string) {
		a, b = strings.ToValidUTF8(a, ""), strings.ToValidUTF8(b, "")
		before, after := versus(a, b)
		if (a == b) != (before == after) {
			t.Errorf("%q and %q are shown as %s and %s", a, b, before, after)
		}
		for _, r := range strings.ReplaceAll(before+after, "\u202f", " ") {
			if !seen(r) {
				t.Errorf("%q and %q are shown as %q and %q", a, b, before, after)
			}
		}
	})
}
