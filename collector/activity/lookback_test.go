package activity

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func bins(h *History, from, to int64) (out []int64) {
	for t := from; t < to; t += BinSeconds {
		n, known := h.Bin(t)
		if !known {
			n = unknown
		}
		out = append(out, n)
	}
	return out
}

func TestSpread(t *testing.T) {
	for name, c := range map[string]struct {
		hour, tail int64 // -1: not known
		known      map[int]int64
		want       []int64
		guessed    bool
	}{
		"evenly":               {hour: 120, tail: -1, want: []int64{10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10}, guessed: true},
		"what does not part":   {hour: 3, tail: -1, want: []int64{0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1}, guessed: true},
		"a quarter for itself": {hour: 120, tail: 3, want: []int64{13, 13, 13, 13, 13, 13, 13, 13, 13, 1, 1, 1}},
		"around known parts": {hour: 120, tail: -1, known: map[int]int64{0: 98, 11: 2},
			want: []int64{98, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, guessed: true},
		"parts that are more": {hour: 10, tail: -1, known: map[int]int64{0: 12}, want: []int64{12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, guessed: true},
		"an unknown hour":     {hour: -1, tail: -1, want: []int64{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
	} {
		h := NewHistory()
		h.SetBin(monday-BinSeconds, 7)
		if c.hour >= 0 {
			h.SetHour(monday, c.hour)
		} else {
			h.SetHour(monday+hourSeconds, 1)
		}
		if c.tail >= 0 {
			h.SetTail(monday, c.tail)
		}
		for b, n := range c.known {
			h.SetBin(monday+int64(b)*BinSeconds, n)
		}
		h.Spread(monday + 1800)
		got := bins(h, monday, monday+hourSeconds)
		if name == "what does not part" {
			sum := int64(0)
			for _, n := range got {
				sum += n
			}
			if sum != c.hour || slices.Max(got) > 1 {
				t.Errorf("%s: %v", name, got)
			}
		} else if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if h.guessed[monday] != c.guessed {
			t.Errorf("%s: guessed is %t", name, !c.guessed)
		}
	}
}

// How far quarters of hours stray is not learnt from hours that were spread:
// it would seem as little as that of whole hours.
func TestNothingIsLearntFromWhatWasSpread(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 1))
	exact, coarse := NewHistory(), NewHistory()
	now := int64(monday)
	for at := now - 10*week; at < now; at += hourSeconds {
		quarter := chance.Int64N(4) // in which all the messages of the hour lie
		for b := range int64(12) {
			n := int64(0)
			if b/3 == quarter {
				n = 100
			}
			exact.SetBin(at+b*BinSeconds, n)
		}
		coarse.SetHour(at, 300)
		if at/hourSeconds%2 == 0 {
			n, _ := exact.Tail(at)
			coarse.SetTail(at, n)
		}
		coarse.Spread(at)
	}
	c := calendar(t, "UTC")
	a, b := NewJudge(exact, c, 6).At(now, now), NewJudge(coarse, c, 6).At(now, now)
	if x, y := a.Windows[0].Dispersion, b.Windows[0].Dispersion; x < 10 || y < x*0.8 {
		t.Errorf("dispersion of 15m: %g from all quarters, %g from every second one", x, y)
	}
}

// TestAVerdictKnowsNothingOfTheFuture judges by a history that goes on after
// the time, and by one that ends there.
func TestAVerdictKnowsNothingOfTheFuture(t *testing.T) {
	chance := rand.New(rand.NewPCG(2, 2))
	h := NewHistory()
	for at := int64(monday - 12*week); at < monday; at += BinSeconds {
		h.SetBin(at, max(0, chance.Int64N(8)-3))
	}
	c := calendar(t, "Europe/Kyiv", "2026-01-01")
	long := NewJudge(h, c, 6)
	for at := int64(monday - week); at < monday; at += (1 + chance.Int64N(24)) * BinSeconds {
		short := h.Clone()
		short.Cut(at)
		if got, want := long.At(at, at-400), NewJudge(short, c, 6).At(at, at-400); got != want {
			t.Fatalf("at %d:\n%+v\n%+v", at, got, want)
		}
	}
}

func TestMerge(t *testing.T) {
	a, b := NewHistory(), NewHistory()
	a.SetHour(monday, 10)
	a.SetTail(monday, 4)
	a.SetHour(monday+day, 7)
	b.SetHour(monday-hourSeconds, 3)
	b.SetHour(monday, 8)
	b.SetTail(monday, 5)
	b.SetBin(monday+BinSeconds, 2)
	before := b.Clone()
	a.Merge(b)
	for _, c := range []struct{ t, want int64 }{{monday - hourSeconds, 3}, {monday, 10}, {monday + day, 7}} {
		if n, _ := a.Hour(c.t); n != c.want {
			t.Errorf("hour %d: %d, want %d", c.t, n, c.want)
		}
	}
	if n, _ := a.Tail(monday); n != 5 {
		t.Errorf("tail %d", n)
	}
	if n, known := a.Bin(monday + BinSeconds); !known || n != 2 {
		t.Errorf("five minutes: %d, %t", n, known)
	}
	if x, _ := b.MarshalBinary(); len(x) == 0 || !slices.Equal(x, must(before.MarshalBinary())) {
		t.Error("what was taken in has changed")
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// What two runs far apart learnt is cut to what can be read again.
func TestMergeKeepsTheLatest(t *testing.T) {
	for _, swap := range []bool{false, true} {
		a, b := NewHistory(), NewHistory()
		a.SetHour(monday, 1)
		b.SetHour(monday-100*week, 2)
		b.SetHour(monday-50*week, 3)
		if swap {
			a, b = b, a
		}
		a.Merge(b)
		if err := NewHistory().UnmarshalBinary(must(a.MarshalBinary())); err != nil {
			t.Errorf("swapped %t: %v", swap, err)
		}
		if n, _ := a.Hour(monday); n != 1 {
			t.Errorf("swapped %t: the latest hour holds %d", swap, n)
		}
		if n, _ := a.Hour(monday - 50*week); n != 3 {
			t.Errorf("swapped %t: the hour a year before holds %d", swap, n)
		}
		if _, known := a.Hour(monday - 100*week); known {
			t.Errorf("swapped %t: too old", swap)
		}
	}
}
