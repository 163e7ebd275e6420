package chatapitest

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestListAgreesWithASortedSlice(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	drawn := func() key { return key{r.Uint64N(300), r.Uint64N(100)} }
	var want []key
	for range 3 * chunkCap {
		if k := drawn(); !slices.Contains(want, k) {
			want = append(want, k)
		}
	}
	slices.SortFunc(want, key.compare)
	l := newList(want)
	for step := range 30_000 {
		k := drawn()
		if step%1000 < 500 && step < 20_000 || step%2 == 0 { // grow and shrink by turns
			k.hi += uint64(step) % 7 * 50
		}
		i, found := slices.BinarySearchFunc(want, k, key.compare)
		if l.has(k) != found {
			t.Fatalf("has(%v) = %v", k, !found)
		}
		if got := l.rank(k); got != i {
			t.Fatalf("rank(%v) = %d, want %d", k, got, i)
		}
		if found {
			want = slices.Delete(want, i, i+1)
			l.remove(k)
		} else {
			want = slices.Insert(want, i, k)
			l.insert(k)
		}
	}
	if l.n != len(want) {
		t.Fatalf("n = %d, want %d", l.n, len(want))
	}
	for range 200 {
		from := r.IntN(len(want))
		to := from + r.IntN(len(want)-from+1)
		for _, desc := range []bool{false, true} {
			var got []key
			l.walk(from, to, desc, func(k key) bool { got = append(got, k); return true })
			expect := slices.Clone(want[from:to])
			if desc {
				slices.Reverse(expect)
			}
			if !slices.Equal(got, expect) {
				t.Fatalf("walk(%d, %d, %v) differs", from, to, desc)
			}
		}
		if got := l.between(want[from], key{want[from].hi + 40, 0}); got != countBetween(want, want[from], key{want[from].hi + 40, 0}) {
			t.Fatalf("between = %d", got)
		}
	}
	for _, k := range want {
		l.remove(k)
	}
	if l.n != 0 || len(l.chunks) != 0 {
		t.Fatalf("emptied, the list has %d keys in %d chunks", l.n, len(l.chunks))
	}
}

func countBetween(keys []key, lo, hi key) int {
	n := 0
	for _, k := range keys {
		if !k.less(lo) && k.less(hi) {
			n++
		}
	}
	return n
}

func TestListRefusesToRemoveWhatItDoesNotHave(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("removed an absent key")
		}
	}()
	newList([]key{{1, 1}}).remove(key{1, 2})
}
