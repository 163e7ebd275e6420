package activity

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

const monday = 1_767_571_200 // 2026-01-05, 00:00 UTC

func TestFloorAndCeil(t *testing.T) {
	for _, c := range []struct{ t, step, floor, ceil int64 }{
		{0, 300, 0, 0}, {1, 300, 0, 300}, {299, 300, 0, 300}, {300, 300, 300, 300}, {-1, 300, -300, 0}, {-300, 300, -300, -300},
	} {
		if f, up := Floor(c.t, c.step), Ceil(c.t, c.step); f != c.floor || up != c.ceil {
			t.Errorf("%d by %d: %d and %d", c.t, c.step, f, up)
		}
	}
}

func TestAnHourIsKnownWithItsLastFiveMinutes(t *testing.T) {
	h := NewHistory()
	for b := range int64(12) {
		if _, known := h.Hour(monday); known {
			t.Fatalf("the hour is known after %d five minutes", b)
		}
		h.SetBin(monday+b*BinSeconds, b)
	}
	if n, known := h.Hour(monday + 1800); !known || n != 66 {
		t.Errorf("the hour holds %d, %t", n, known)
	}
	if n, known := h.Tail(monday); !known || n != 9+10+11 {
		t.Errorf("its last quarter holds %d, %t", n, known)
	}
}

func TestTheLargerOfTwoCountsStays(t *testing.T) {
	h := NewHistory()
	h.SetHour(monday, 10)
	h.SetHour(monday, 7)
	if n, _ := h.Hour(monday); n != 10 {
		t.Errorf("%d after a lower recount", n)
	}
	h.SetHour(monday, 12)
	if n, _ := h.Hour(monday); n != 12 {
		t.Errorf("%d after a higher recount", n)
	}
}

func TestAnEmptyHourIsEmptyInEveryPart(t *testing.T) {
	h := NewHistory()
	h.SetHour(monday, 0)
	if missing := h.MissingBins(monday, monday+3600); missing != nil {
		t.Errorf("missing %v", missing)
	}
}

// model is what a history should know, by five minutes.
type model map[int64]int64

func (m model) count(from, to int64) (n int64, known bool) {
	for t := from; t < to; t += BinSeconds {
		c, ok := m[t]
		if !ok {
			return 0, false
		}
		n += c
	}
	return n, true
}

// TestHistoryAgainstAModel fills a history in random order and holds what it
// says against plain sums, also after packing and after forgetting.
func TestHistoryAgainstAModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		h, m := NewHistory(), model{}
		hours := int64(1 + r.IntN(60))
		at := func() int64 { return monday + r.Int64N(hours*12)*BinSeconds }
		for range r.IntN(600) {
			b, n := at(), r.Int64N(50)
			h.SetBin(b, n)
			if old, ok := m[b]; !ok || n > old {
				m[b] = n
			}
			if r.IntN(40) == 0 {
				from, to := at(), at()
				exactly(t, h, m, min(from, to), max(from, to))
			}
		}
		packed, err := h.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		again := NewHistory()
		if err := again.UnmarshalBinary(packed); err != nil {
			t.Fatal(err)
		}
		cut := monday + hours/2*3600 + 600
		again.Cut(cut)
		h.Forget(monday + hours/3*3600)
		for b := int64(monday); b < monday+hours*3600; b += BinSeconds {
			want, known := m[b]
			if n, ok := again.Bin(b); ok != (known && b < cut) || ok && n != want {
				t.Fatalf("packed and cut: %d, %t at %d, not %d, %t", n, ok, b, want, known)
			}
			if n, ok := h.Bin(b); ok != (known && b >= monday+hours/3*3600) || ok && n != want {
				t.Fatalf("after forgetting: %d, %t at %d, not %d, %t", n, ok, b, want, known)
			}
		}
		for range 100 {
			from, to := at(), at()
			exactly(t, again, m, min(from, to, Floor(cut, BinSeconds)), min(max(from, to), Floor(cut, BinSeconds)))
		}
	}
}

func exactly(t *testing.T, h *History, m model, from, to int64) {
	t.Helper()
	want, known := m.count(from, to)
	if n, ok := h.Exact(from, to); ok != known || n != want {
		t.Fatalf("[%d, %d) holds %d, %t, not %d, %t", from, to, n, ok, want, known)
	}
	if from%3600 == 0 && to%3600 == 0 && from < to {
		if n, ok := h.Between(from, to); ok != known || ok && n != float64(want) {
			t.Fatalf("between %d and %d lie %v, %t, not %d, %t", from, to, n, ok, want, known)
		}
	}
}

func TestBetweenIsAStraightLineInsideHours(t *testing.T) {
	h := NewHistory()
	for i, n := range []int64{60, 120, 0, 30} {
		h.SetHour(monday+int64(i)*3600, n)
	}
	for _, c := range []struct {
		from, to int64
		want     float64
	}{{0, 3600, 60}, {1800, 5400, 30 + 60}, {0, 4 * 3600, 210}, {3600 + 900, 3600 + 1800, 30}, {2 * 3600, 3 * 3600, 0}, {3*3600 + 1, 4 * 3600, 30 * 3599. / 3600}} {
		if n, known := h.Between(monday+c.from, monday+c.to); !known || math.Abs(n-c.want) > 1e-9 {
			t.Errorf("from %d to %d: %v, %t, want %v", c.from, c.to, n, known, c.want)
		}
	}
	for _, c := range [][2]int64{{-1, 3600}, {3600, 4*3600 + 1}, {-7200, -3600}} {
		if n, known := h.Between(monday+c[0], monday+c[1]); known {
			t.Errorf("from %d to %d: %v, though it is not known", c[0], c[1], n)
		}
	}
}

func TestMissing(t *testing.T) {
	h := NewHistory()
	h.SetHour(monday+2*3600, 5)
	h.SetBin(monday+3*3600, 1)
	want := []Span{{monday, monday + 2*3600}, {monday + 3*3600, monday + 5*3600}}
	if got := h.MissingHours(monday-100, monday+5*3600+100); !slices.Equal(got, want) {
		t.Errorf("hours %v", got)
	}
	want = []Span{{monday + 3*3600 + 300, monday + 3*3600 + 900}}
	if got := h.MissingBins(monday+3*3600, monday+3*3600+1000); !slices.Equal(got, want) {
		t.Errorf("bins %v", got)
	}
}

func TestEnd(t *testing.T) {
	h := NewHistory()
	if h.End() != 0 {
		t.Errorf("%d without anything", h.End())
	}
	h.SetHour(monday, 5)
	if h.End() != monday+3600 {
		t.Errorf("%d after an hour", h.End()-monday)
	}
	h.SetBin(monday+3600, 5)
	h.SetHour(monday-7200, 1)
	if h.End() != monday+3900 {
		t.Errorf("%d after five minutes more", h.End()-monday)
	}
}

func FuzzUnmarshal(f *testing.F) {
	h := NewHistory()
	h.SetHour(monday, 7)
	h.SetBin(monday+3600, 3)
	packed, _ := h.MarshalBinary()
	f.Add(packed)
	f.Add([]byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		h := NewHistory()
		if h.UnmarshalBinary(b) != nil {
			return
		}
		again, err := h.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		other := NewHistory()
		if err := other.UnmarshalBinary(again); err != nil {
			t.Fatal(err)
		}
		if other.End() != h.End() {
			t.Error("packed twice, it ends elsewhere")
		}
	})
}
