package chatapi

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestBacklog replies in any order to reads of rows that come and go, lets some
// fail, and goes on from copies of what is left. Rows there throughout come
// once, others at most once, whatever the guesses are.
func TestBacklog(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		rows, born := randomIDs(random, 1+random.IntN(6000))
		throughout := map[ObjectID]bool{}
		for _, id := range rows {
			throughout[id] = true
		}
		came := map[ObjectID]int{}
		b := newBacklog(AllIDs())
		var flying []*read
		workers := 1 + random.IntN(20)
		for {
			for len(flying) < workers {
				r := b.next(workers - len(flying))
				if r == nil {
					break
				}
				flying = append(flying, r)
			}
			if len(flying) == 0 {
				break
			}
			i := random.IntN(len(flying))
			r := flying[i]
			flying = slices.Delete(flying, i, i+1)
			switch random.IntN(40) {
			case 0:
				b.fail(r)
				continue
			case 1:
				flying, b = nil, newBacklog(b.left())
				continue
			case 2:
				workers = 1 + random.IntN(20)
			}
			for range random.IntN(4) {
				gone := random.IntN(len(rows) + 1)
				if gone < len(rows) {
					delete(throughout, rows[gone])
					rows = slices.Delete(rows, gone, gone+1)
				}
				id := born()
				if at, found := slices.BinarySearchFunc(rows, id, ObjectID.Compare); !found {
					rows = slices.Insert(rows, at, id)
				}
			}
			ids, total := pageOf(rows, r)
			for _, id := range ids {
				if !b.passed(id) {
					came[id]++
				}
			}
			b.done(r, ids, total)
			for _, id := range ids {
				if !b.passed(id) {
					t.Fatalf("seed %d: a row that came is still to come", seed)
				}
			}
			at := firstID
			for _, s := range b.left() {
				if s.empty() || s.After.Compare(at) < 0 {
					t.Fatalf("seed %d: left are %v", seed, b.left())
				}
				at = s.To
			}
		}
		if len(b.left()) > 0 || b.rows() != 0 {
			t.Errorf("seed %d: left are %v", seed, b.left())
		}
		for id := range throughout {
			if came[id] != 1 {
				t.Fatalf("seed %d: a row there throughout came %d times", seed, came[id])
			}
		}
		for _, n := range came {
			if n != 1 {
				t.Fatalf("seed %d: a row came %d times", seed, n)
			}
		}
	}
}

// randomIDs draws ids, some close to each other, and a source of more.
func randomIDs(random *rand.Rand, n int) (ids []ObjectID, more func() ObjectID) {
	centre := ObjectID{0x62, byte(random.IntN(256)), byte(random.IntN(256))}
	more = func() (id ObjectID) {
		id = centre
		for i := []int{1, 2, 4, 8, 10}[random.IntN(5)]; i < len(id); i++ {
			id[i] = byte(random.IntN(256))
		}
		return id
	}
	for range n {
		ids = append(ids, more())
	}
	slices.SortFunc(ids, ObjectID.Compare)
	return slices.Compact(ids), more
}

// pageOf is what the API replies, now and then with a short page.
func pageOf(rows []ObjectID, r *read) (ids []ObjectID, total int64) {
	for _, id := range rows {
		if r.holds(id) {
			ids = append(ids, id)
		}
	}
	total = int64(len(ids))
	n := min(len(ids), MaxLimit)
	if n > 1 && total%7 == 0 {
		n /= 2
	}
	if r.down {
		return ids[len(ids)-n:], total
	}
	return ids[:n], total
}

// manyIDs are ids of rows that were created in all sorts of ways within a year.
func manyIDs(random *rand.Rand, n int, shape string) (ids []ObjectID) {
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	end := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(n int, from time.Time, width time.Duration) {
		for range n {
			id := ObjectIDAt(from.Add(time.Duration(random.Int64N(int64(width)))))
			for i := 4; i < len(id); i++ {
				id[i] = byte(random.IntN(256))
			}
			ids = append(ids, id)
		}
	}
	switch shape {
	case "even":
		in(n, end.Add(-year), year)
	case "at night":
		for range n {
			in(1, end.Add(-day*time.Duration(1+random.IntN(365))), 4*time.Hour)
		}
	case "in one second":
		in(n, end.Add(-year/3), time.Second)
	case "half imported":
		in(n/2, end.Add(-year), year)
		in(n/2, end.Add(-year/5), time.Second)
	case "imported by a counter":
		in(n/2, end.Add(-year), year)
		id := ObjectIDAt(end.Add(-year / 7))
		for range n / 2 {
			id = nth(id, 1)
			ids = append(ids, id)
		}
	case "ten clusters":
		for i := range 10 {
			in(n/10, end.Add(-time.Duration(random.Int64N(int64(year)))), []time.Duration{time.Second, time.Minute, day}[i%3])
		}
	case "abandoned":
		in(n/20, end.Add(-year), year)
		in(n-n/20, end.Add(-year), year/12)
	case "new":
		in(n/20, end.Add(-year), year)
		in(n-n/20, end.Add(-day), day)
	}
	slices.SortFunc(ids, ObjectID.Compare)
	return slices.Compact(ids)
}

// TestBacklogIsShared counts the rounds that workers need who get their replies
// all at the same time, against the pages that there are. Where creation is
// unlike an ordinary application's, cuts miss more often.
func TestBacklogIsShared(t *testing.T) {
	const n = 200_000
	for shape, aim := range map[string]struct{ faster, extra float64 }{
		"even":                  {56, 0.02},
		"at night":              {54, 0.02},
		"in one second":         {56, 0.02},
		"half imported":         {47, 0.03},
		"imported by a counter": {45, 0.04},
		"ten clusters":          {50, 0.04},
		"abandoned":             {47, 0.03},
		"new":                   {47, 0.03},
	} {
		for seed := range uint64(2) {
			ids := manyIDs(rand.New(rand.NewPCG(seed, 5)), n, shape)
			pages := float64(len(ids))/MaxLimit + 1
			for workers, most := range map[int]float64{4: 3.9, 16: 15, 64: aim.faster} {
				rounds, requests := rounds(newBacklog(AllIDs()), ids, workers)
				faster, extra := pages/float64(rounds), float64(requests)/pages-1
				if faster < most || extra > aim.extra {
					t.Errorf("%s: %d workers are %.1f times as fast, with %.1f%% more requests", shape, workers, faster, 100*extra)
				}
			}
		}
	}
}

func rounds(b *backlog, rows []ObjectID, workers int) (rounds, requests int) {
	place := func(id ObjectID) int {
		at, found := slices.BinarySearchFunc(rows, id, ObjectID.Compare)
		if found {
			at++
		}
		return at
	}
	for {
		var flying []*read
		for len(flying) < workers {
			r := b.next(workers - len(flying))
			if r == nil {
				break
			}
			flying = append(flying, r)
		}
		if len(flying) == 0 {
			return rounds, requests
		}
		rounds, requests = rounds+1, requests+len(flying)
		for _, r := range flying {
			ids := rows[place(r.After):place(r.To)]
			total := int64(len(ids))
			if n := min(len(ids), MaxLimit); r.down {
				ids = ids[len(ids)-n:]
			} else {
				ids = ids[:n]
			}
			b.done(r, ids, total)
		}
	}
}
