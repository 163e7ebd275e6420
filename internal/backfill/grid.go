package backfill

import (
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// Bound is one end of the time to fill, as the user gave it: a time, or an age
// that is resolved on the API's clock. The zero value is now.
type Bound struct {
	At  int64 `json:"at,omitempty"`  // unix seconds; 0: Ago counts
	Ago int64 `json:"ago,omitempty"` // seconds
}

// Resolve gives the bound in unix seconds.
func (b Bound) Resolve(now time.Time) int64 {
	if b.At != 0 {
		return b.At
	}
	return now.Unix() - b.Ago
}

func (b Bound) String() string {
	switch {
	case b.At != 0:
		return time.Unix(b.At, 0).UTC().Format(time.RFC3339)
	case b.Ago == 0:
		return "now"
	default:
		return spell(b.Ago)
	}
}

// spell writes a number of seconds as flags take it.
func spell(seconds int64) string {
	return model.Duration(time.Duration(seconds) * time.Second).String()
}

// Grid is the times of the samples, in unix seconds: the multiples of Step from
// First to Last.
type Grid struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
	Step  int64 `json:"step"`
}

// NewGrid takes the multiples of step that lie between the two times. They are
// the same for every application and run, so that what two runs write joins.
func NewGrid(from, to, step int64) Grid {
	return Grid{First: (from + step - 1) / step * step, Last: to / step * step, Step: step}
}

// Len is the number of samples in a series without holes.
func (g Grid) Len() int64 {
	if g.Last < g.First {
		return 0
	}
	return (g.Last-g.First)/g.Step + 1
}

// edges are the times at which any of the series needs to know how much had
// been created at the endpoint, ascending.
func edges(g Grid, families []family, e chatapi.Endpoint) []int64 {
	var reads []func(int64, func(int64))
	for _, f := range families {
		for _, s := range f.series {
			if s.endpoint == e && s.reads != nil {
				reads = append(reads, s.reads)
			}
		}
	}
	var out []int64
	for t := g.First; t <= g.Last; t += g.Step {
		for _, read := range reads {
			read(t, func(at int64) { out = append(out, max(at, 0)) })
		}
		if len(out) > 1<<20 {
			out = tidy(out)
		}
	}
	return tidy(out)
}

func tidy(times []int64) []int64 {
	slices.Sort(times)
	return slices.Compact(times)
}
