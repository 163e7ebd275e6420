package activity

import (
	"fmt"
	"strings"
	"testing"
)

// alarmsOf feeds one verdict for each letter: s silent, d drop, b both, x
// nothing can be judged, . all is well, and - none is given at all.
func alarmsOf(letters string) *Alarms {
	a := &Alarms{}
	for i, letter := range letters {
		v := Verdict{At: int64(i+1) * BinSeconds}
		for w := range v.Windows {
			v.Windows[w] = WindowVerdict{Messages: 60, Counted: true, Expected: 100, Judged: true, Bound: 40}
		}
		v.Silence = SilenceVerdict{Known: true, Expected: 10, Bound: 15}
		switch letter {
		case '-':
			continue
		case 'x':
			v.Windows[1].Messages, v.Windows[1].Bound = 0, -1
			v.Silence.Expected, v.Silence.Bound = 99, -1
		}
		if letter == 's' || letter == 'b' {
			v.Silence.Expected = 15
		}
		if letter == 'd' || letter == 'b' {
			v.Windows[1+i%2].Messages = 40 // another window each time
		}
		a.Add(&v)
	}
	return a
}

func TestAlarms(t *testing.T) {
	calm := strings.Repeat(".", 8)
	for _, c := range []struct{ letters, want string }{
		{"", ""},
		{"s.s.s.s" + calm, ""},
		{"ss" + calm, "silent 2-9"},
		{"dd.dd" + calm, ""},
		{"ddd" + calm, "drop 3-10"},
		{"....ddddd" + calm, "drop 7-16"},
		// It fires on for half an hour, and a condition that returns in that
		// time belongs to the same episode, without waiting again.
		{"ss.....s" + calm, "silent 2-15"},
		{"ss......s" + calm, "silent 2-9"},
		{"ss......ss" + calm, "silent 2-9, silent 10-17"},
		{"ss", "silent 2-0"},
		// Not while it is silent, nor while that alarm fires on.
		{"bbbbbb" + calm, "silent 2-13"},
		{"bb" + "dddddd" + "dd" + calm, "silent 2-9"},
		{"bb" + strings.Repeat("d", 18) + calm, "silent 2-9"},
		{"ddbddb" + calm, ""},
		{"dddbb" + calm, "drop 3-10, silent 5-12"},
		// What cannot be judged, or was not evaluated, is nothing amiss.
		{"xxxxxx" + calm, ""},
		{"sxs" + calm, ""},
		{"ssxxxxxx.", "silent 2-9"},
		{"s-s" + calm, ""},
		{"dd-d" + calm, ""},
		{"ss" + strings.Repeat("-", 50) + "s..", "silent 2-9"},
		{"ss---s" + calm, "silent 2-13"},
	} {
		var got []string
		for _, e := range alarmsOf(c.letters).Episodes() {
			got = append(got, fmt.Sprintf("%v %d-%d", e.Kind, e.From/BinSeconds, e.To/BinSeconds))
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: %s, want %s", c.letters, s, c.want)
		}
	}
}

func TestEpisodeKeepsTheWorst(t *testing.T) {
	a := &Alarms{}
	for i := range int64(6) {
		v := Verdict{At: (i + 1) * BinSeconds}
		for w := range v.Windows {
			v.Windows[w].Bound = -1
		}
		v.Windows[0] = WindowVerdict{Messages: 5, Counted: true, Expected: 100, Bound: 40, Score: 5}
		v.Windows[2] = WindowVerdict{Messages: i, Counted: true, Expected: 900, Bound: 400, Score: []float64{1, 2, 6, 9, 7, 3}[i]}
		a.Add(&v)
	}
	want := Episode{
		Kind: Drop, Since: 300, From: 900, Window: "6h", At: 1200, Messages: 3, Expected: 900, Bound: 400, score: 9,
	}
	if e := a.Episodes(); len(e) != 1 || e[0] != want {
		t.Errorf("%+v", e)
	}
	if !a.Firing(Drop) || a.Firing(Silent) {
		t.Error("another alarm fires")
	}
}

// TestADropAfterASilence is one only in a window that begins after the alarm.
func TestADropAfterASilence(t *testing.T) {
	a := &Alarms{}
	for i := int64(1); i <= 100; i++ {
		v := Verdict{At: i * BinSeconds, Silence: SilenceVerdict{Bound: -1}}
		for w := range v.Windows {
			v.Windows[w] = WindowVerdict{Counted: true, Expected: 100, Judged: true, Bound: 40}
		}
		if i <= 2 {
			v.Silence = SilenceVerdict{Known: true, Expected: 20, Bound: 15}
		}
		v.Windows[0].Messages, v.Windows[1].Messages = 60, 60
		a.Add(&v)
		if n := len(a.Episodes()); (n == 2) != (i >= 8+72+2) { // six hours after it fired last, at the third evaluation
			t.Fatalf("%d episodes after %d evaluations: %+v", n, i, a.Episodes())
		}
	}
	if e := a.Episodes()[1]; e.Kind != Drop || e.Window != "6h" {
		t.Errorf("%+v", e)
	}
}
