package backfill

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

const (
	// segmentBins is how many bins are counted one after the other; segments
	// are counted side by side.
	segmentBins = 1024

	// aim is how many rows a request for several bins hopes for: fewer than a
	// page holds, so that it seldom overflows.
	aim = 60

	// rowsPerRequest is what comes of that where messages come in bursts.
	rowsPerRequest = 32
)

// list is one endpoint's share of the work.
type list struct {
	endpoint chatapi.Endpoint
	byType   bool
	empty    bool // the API has no rows at all: nothing to ask
	edges    []int64
	inRange  int64 // rows between the first edge and the last

	base tally // before the first edge
	bins []tally
}

// counter asks the API for what the journal does not know.
type counter struct {
	client  *chatapi.Client
	journal *journal

	requests atomic.Int64 // sent by this run
	done     atomic.Int64 // bins
}

// ask gives the answer to a question about the bins between some edges.
func (c *counter) ask(ctx context.Context, q question, edges []int64) (answer, error) {
	if known, ok := c.journal.look(q); ok {
		return known, nil
	}
	query := chatapi.Query{Where: chatapi.CreatedAt.In(q.From, q.To), Limit: 1}
	if q.Rows {
		query.Limit = chatapi.MaxLimit
	}
	if q.Type != 0 {
		query.Where = append(query.Where, chatapi.Type(chatapi.Eq, q.Type))
	}
	var (
		out  answer
		rows []row
	)
	switch q.List {
	case chatapi.Dialogs:
		page, err := c.client.Dialogs(ctx, query)
		if err != nil {
			return answer{}, err
		}
		out.Total = page.Total
		for _, d := range page.Items {
			rows = append(rows, row{d.ID, d.CreatedAt, kindOf(d.Type)})
		}
	default:
		page, err := c.client.Messages(ctx, query)
		if err != nil {
			return answer{}, err
		}
		out.Total = page.Total
		for _, m := range page.Items {
			rows = append(rows, row{m.ID, m.CreatedAt, 0})
		}
	}
	c.requests.Add(1)
	if q.Rows {
		out.Cells, out.Whole = cells(rows, out.Total, edges)
	}
	if err := c.journal.keep(q, out); err != nil {
		return answer{}, fmt.Errorf("keeping an answer in %s: %w", c.journal.path, err)
	}
	return out, nil
}

// row is what places a row.
type row struct {
	id      chatapi.ObjectID
	created int64
	kind    int
}

// cells sorts rows into the bins between the edges, if they are all that match.
func cells(rows []row, total int64, edges []int64) ([]cell, bool) {
	if int64(len(rows)) != total {
		return nil, false
	}
	seen := map[chatapi.ObjectID]bool{}
	var out []cell
	at := map[[2]int64]int{}
	for _, r := range rows {
		bin := binOf(edges, r.created)
		if seen[r.id] || bin < 0 {
			return nil, false
		}
		seen[r.id] = true
		key := [2]int64{edges[bin], int64(r.kind)}
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, cell{Bin: edges[bin], Kind: r.kind})
		}
		out[i].N++
	}
	return out, true
}

// binOf is the bin that t lies in: edges[i] <= t < edges[i+1]; -1: none.
func binOf(edges []int64, t int64) int {
	if len(edges) == 0 || t < edges[0] || t >= edges[len(edges)-1] {
		return -1
	}
	lo, hi := 0, len(edges)-1
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; edges[mid] <= t {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// run counts every bin of the lists, with as many requests at once as workers.
func (c *counter) run(ctx context.Context, lists []*list, workers int) error {
	var jobs []func(context.Context) error
	for _, l := range lists {
		if l.empty || len(l.edges) == 0 {
			c.done.Add(int64(len(l.bins)))
			continue
		}
		jobs = append(jobs, func(ctx context.Context) (err error) {
			l.base, err = c.single(ctx, l, 0, l.edges[0])
			return err
		})
		for a := 0; a < len(l.bins); a += segmentBins {
			jobs = append(jobs, func(ctx context.Context) error {
				return c.segment(ctx, l, a, min(a+segmentBins, len(l.bins)))
			})
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan func(context.Context) error, len(jobs))
	for _, job := range jobs {
		queue <- job
	}
	close(queue)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for job := range queue {
				if ctx.Err() != nil {
					return
				}
				if err := job(ctx); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// slack is how many requests a segment may lose to pages that overflow.
func slack(bins int64) int64 { return 2 + bins/20 }

// segment counts the bins from a to b. Where few rows lie, one page of them
// tells of many bins; where many do, each bin is one request. What is lost to
// pages that overflow is never more than was spared before, and the slack.
func (c *counter) segment(ctx context.Context, l *list, a, b int) error {
	spared := slack(int64(b - a))
	size := pages(1, l.inRange, int64(len(l.bins)), int64(b-a))
	for i := a; i < b; {
		n := min(size, int64(b-i))
		if spared <= 0 {
			n = 1
		}
		from, to := l.edges[i], l.edges[i+int(n)]
		if n == 1 {
			bin, err := c.single(ctx, l, from, to)
			if err != nil {
				return err
			}
			l.bins[i] = bin
			size = pages(n, bin.sum(), 1, 4)
		} else {
			got, err := c.ask(ctx, question{List: l.endpoint, From: from, To: to, Rows: true}, l.edges[i:i+int(n)+1])
			if err != nil {
				return err
			}
			if !got.Whole {
				spared--
				size = pages(1, got.Total, n, max(1, n/2))
				continue
			}
			for _, cell := range got.Cells {
				l.bins[binOf(l.edges, cell.Bin)][l.kind(cell.Kind)] += cell.N
			}
			spared += n - 1
			size = pages(1, got.Total, n, 4*n)
		}
		c.done.Add(n)
		i += int(n)
	}
	return nil
}

// pages is how many bins to ask for at once, where so many rows were found in
// so many bins.
func pages(least, rows, bins, most int64) int64 {
	if rows == 0 {
		return max(least, most)
	}
	return min(max(least, aim*bins/rows), max(least, most))
}

// kind is where a row's kind is tallied.
func (l *list) kind(kind int) int {
	if !l.byType {
		return 0
	}
	return kind
}

// single counts one bin, whatever its size. Dialogs tell their types by their
// rows, or else by a count for each type; other is the rest, as the counts are
// not of one moment at least 0.
func (c *counter) single(ctx context.Context, l *list, from, to int64) (tally, error) {
	var out tally
	if from >= to {
		return out, nil
	}
	got, err := c.ask(ctx, question{List: l.endpoint, From: from, To: to, Rows: l.byType}, []int64{from, to})
	switch {
	case err != nil:
		return out, err
	case !l.byType:
		out[0] = got.Total
		return out, nil
	case got.Whole:
		for _, cell := range got.Cells {
			out[cell.Kind] += cell.N
		}
		return out, nil
	}
	for kind, t := range dialogTypes {
		of, err := c.ask(ctx, question{List: l.endpoint, From: from, To: to, Type: t.code}, nil)
		if err != nil {
			return out, err
		}
		out[kind] = of.Total
	}
	out[len(dialogTypes)] = max(0, got.Total-out.sum())
	return out, nil
}

// Estimate is how many requests the counting takes.
type Estimate struct {
	About, AtMost int64
	Activity      int64 // part of About that would not be without the collector activity
	Answered      int64 // in an earlier run; not part of About and AtMost
}

// estimate tells what a list costs.
func (l *list) estimate() (about, atMost int64) {
	bins := int64(len(l.bins))
	if l.empty {
		return 0, 0
	}
	for a := int64(0); a < bins; a += segmentBins {
		atMost += slack(min(segmentBins, bins-a))
		about += 3
	}
	about = min(bins, about+l.inRange/rowsPerRequest)
	atMost += bins
	types := int64(0)
	if l.byType {
		types = int64(len(dialogTypes))
		atMost += types * min(bins, l.inRange/chatapi.MaxLimit)
		if l.inRange > bins*chatapi.MaxLimit {
			about += types * bins
		}
	}
	return about + 1 + types, atMost + 1 + types
}

// without is the list as it would be with fewer edges, of those that it has.
func (l *list) without(edges []int64) *list {
	out := &list{endpoint: l.endpoint, byType: l.byType, empty: l.empty || len(edges) == 0}
	if out.empty {
		return out
	}
	out.bins = make([]tally, len(edges)-1)
	if all := l.edges[len(l.edges)-1] - l.edges[0]; all > 0 {
		part := edges[len(edges)-1] - edges[0]
		out.inRange = int64(float64(l.inRange) * float64(part) / float64(all))
	}
	return out
}

var errNothing = errors.New("nothing can be counted")
