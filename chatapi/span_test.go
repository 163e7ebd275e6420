package chatapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
)

// FuzzSpanCut holds that the parts of a span are disjoint, not empty, and
// cover it.
func FuzzSpanCut(f *testing.F) {
	f.Add(make([]byte, 12), bytes.Repeat([]byte{0xff}, 12), 32)
	f.Add([]byte("\x62\x0e\x2b\x14abcdefgh"), []byte("\x62\x0e\x2b\x14abcdefgi"), 2)
	f.Add([]byte("\x62\x0e\x2b\x14abcdefgh"), []byte("\x62\x0e\x2b\x14abcdefgj"), 2)
	f.Add([]byte("\x62\x0e\x2b\x14abcdefgh"), []byte("\x62\x0e\x2b\x15abcdefgh"), 3)
	f.Add([]byte("\x62\x0e\x2b\x14abcdefgh"), []byte("\x62\x0e\x2b\x14abcdefgr"), 64)
	f.Fuzz(func(t *testing.T, after, to []byte, n int) {
		s := Span{Rows: 1000}
		copy(s.After[:], after)
		copy(s.To[:], to)
		if s.empty() || n < 1 || n > 200 {
			return
		}
		parts := s.cut(n)
		if len(parts) == 0 || len(parts) > n || len(parts) < n && s.To.Compare(nth(s.After, n)) >= 0 {
			t.Fatalf("%d parts of %v, want %d", len(parts), s, n)
		}
		at := s.After
		for _, p := range parts {
			if p.After != at || p.empty() {
				t.Fatalf("the parts %v of %v", parts, s)
			}
			at = p.To
		}
		if at != s.To {
			t.Fatalf("the parts %v of %v", parts, s)
		}
	})
}

// nth is the id n places above, or the last one.
func nth(id ObjectID, n int) ObjectID {
	for range n {
		for i := len(id) - 1; i >= 0; i-- {
			if id[i]++; id[i] != 0 {
				break
			}
		}
		if id.IsZero() {
			return lastID
		}
	}
	return id
}

func TestIDBefore(t *testing.T) {
	for id, want := range map[string]string{
		"620e2b1463ee2a1977b4ee65": "620e2b1463ee2a1977b4ee64",
		"620e2b146300000000000000": "620e2b1462ffffffffffffff",
		"000000000000000000000001": "000000000000000000000000",
	} {
		above, _ := ParseObjectID(id)
		if got := above.before().String(); got != want {
			t.Errorf("before %s is %s, want %s", id, got, want)
		}
	}
}

// Spans that come from a file may be in any order, overlap, or be empty.
func TestTidySpans(t *testing.T) {
	span := func(after, to byte, rows int64) Span {
		return Span{After: ObjectID{after}, To: ObjectID{to}, Rows: rows}
	}
	for name, test := range map[string]struct{ in, want []Span }{
		"none":        {},
		"in order":    {[]Span{span(1, 2, 5), span(2, 4, -1)}, []Span{span(1, 2, 5), span(2, 4, -1)}},
		"disorder":    {[]Span{span(5, 6, 5), span(2, 4, 3)}, []Span{span(2, 4, 3), span(5, 6, 5)}},
		"empty":       {[]Span{span(2, 2, 0), span(4, 3, 9)}, nil},
		"overlapping": {[]Span{span(1, 5, 5), span(3, 8, 7)}, []Span{span(1, 5, 5), span(5, 8, -1)}},
		"enclosed":    {[]Span{span(1, 9, 5), span(3, 4, 7), span(8, 10, 1)}, []Span{span(1, 9, 5), span(9, 10, -1)}},
		"twice":       {[]Span{span(1, 9, 5), span(1, 9, 5)}, []Span{span(1, 9, 5)}},
	} {
		if got := tidy(test.in); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestSpansSurviveJSON(t *testing.T) {
	text, err := json.Marshal(AllIDs())
	var got []Span
	if err := json.Unmarshal(text, &got); err != nil || !slices.Equal(got, AllIDs()) {
		t.Errorf("got %v, %v", got, err)
	}
	if err != nil {
		t.Error(err)
	}
}
