package backfill

import (
	"fmt"
	"slices"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// all stands for the rows of every kind.
const all = -1

// tally is a number of rows by kind. Lists that are not told apart have them
// all under kind 0.
type tally [kinds]int64

func (t *tally) add(o tally) {
	for i := range t {
		t[i] += o[i]
	}
}

func (t tally) sum() (n int64) {
	for _, v := range t {
		n += v
	}
	return n
}

// counts tell of each list how many rows had been created before a time, and
// what is to be said of that.
type counts struct {
	lists    map[chatapi.Endpoint]*cumulative
	verdicts *verdicts // nil: nothing was judged
}

// before is the number of rows of a kind created before t, which must be a time
// that the series said they need.
func (c *counts) before(e chatapi.Endpoint, kind int, t int64) int64 {
	list := c.lists[e]
	i, ok := slices.BinarySearch(list.edges, max(t, 0))
	if !ok {
		panic(fmt.Sprintf("backfill: %s were not counted at %d", e, t))
	}
	if kind == all {
		return list.sums[i].sum()
	}
	return list.sums[i][kind]
}

// cumulative holds the sums at the edges.
type cumulative struct {
	edges []int64
	sums  []tally
}

// accumulate adds up what was created before the first edge and in each bin
// between two edges.
func accumulate(edges []int64, base tally, bins []tally) *cumulative {
	c := &cumulative{edges: edges, sums: make([]tally, len(edges))}
	for i := range edges {
		if i > 0 {
			base.add(bins[i-1])
		}
		c.sums[i] = base
	}
	return c
}
