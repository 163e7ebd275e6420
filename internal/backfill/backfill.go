package backfill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-kit/log"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

const (
	// HeadAge is the age below which nothing is written: Prometheus still holds
	// the last three hours in its head, beside which blocks must not be put
	// (Prometheus' documentation of backfilling).
	HeadAge = 3 * time.Hour

	// The bounds of the step, and of the number of samples in a series: promtool
	// keeps the whole file in memory.
	LeastStep   = time.Minute
	LongestStep = 24 * time.Hour
	MostSamples = 200_000

	// ProofRequests is about how many requests the proof of the filters takes.
	ProofRequests = 30
)

// Config says what to fill.
type Config struct {
	Target     collector.Target
	Collectors []string // whose gauges to fill; nil: all that have a past
	Windows    []collector.Window
	Weeks      int // past weeks that activity is compared with; 0: activity.DefaultWeeks

	Labels []Label // of the live scrape, on every series
	From   Bound
	To     Bound
	Step   time.Duration // whole seconds

	Journal string // file that keeps the answers until Finish; empty: none
	Resume  bool   // go on with the journal, if it is there
	Force   bool   // a journal that is not resumed may be replaced

	UserAgent string
	Logger    log.Logger
}

// Backfill is one run. It is made by Prepare, counts with Count, and ends with
// Finish or Close.
type Backfill struct {
	cfg      Config
	client   *chatapi.Client
	journal  *journal
	counter  *counter
	judging  *judging // nil: nothing is judged
	grid     Grid
	families []family
	lists    []*list
	estimate Estimate
	notes    []string
}

// Prepare proves the filters, asks for the API's clock, and finds out what
// there is to count: about ProofRequests requests. An error that is a
// UsageError is for the user to put right.
func Prepare(ctx context.Context, cfg Config) (*Backfill, error) {
	if err := CheckCollectors(cfg.Collectors); err != nil {
		return nil, err
	}
	judging, err := newJudging(cfg)
	if err != nil {
		return nil, err
	}
	journal, err := openJournal(cfg.Journal, cfg.Resume, cfg.Force)
	if err != nil {
		return nil, err
	}
	b := &Backfill{cfg: cfg, judging: judging, journal: journal}
	if err := b.prepare(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Backfill) prepare(ctx context.Context) error {
	cfg := b.cfg
	head := b.header()
	if begun := b.journal.begun; begun != nil {
		if err := head.differs(*begun); err != nil {
			return usagef("%s was begun %w: give it the same settings, or begin anew with --force", cfg.Journal, err)
		}
		b.grid = begun.Grid
		b.note("Going on with %s, which holds %d answers.", cfg.Journal, b.journal.len())
		if text := head.elsewhere(*begun); text != "" {
			b.note("%s", text)
		}
	} else if cfg.Resume {
		b.note("There is nothing to resume: beginning anew.")
	}
	if err := b.connect(); err != nil {
		return err
	}
	proven, err := prove(ctx, cfg)
	if err != nil {
		return err
	}
	byType, err := b.chooseLists(ctx, proven)
	if err != nil {
		return err
	}
	if b.journal.begun == nil {
		if b.grid, err = b.place(); err != nil {
			return err
		}
	}
	if err := b.noteJudged(); err != nil {
		return err
	}
	head.Grid = b.grid
	if err := b.journal.begin(head); err != nil {
		return fmt.Errorf("writing %s: %w", cfg.Journal, err)
	}
	b.families = b.countable(families(cfg, byType))
	return b.plan(ctx)
}

// noteJudged says what of activity is left out.
func (b *Backfill) noteJudged() error {
	counted := slices.ContainsFunc(b.lists, func(l *list) bool { return l.endpoint == chatapi.Messages })
	if b.judging == nil || !counted {
		return nil
	}
	step := int64(activity.BinSeconds)
	switch at := judged(b.grid); {
	case at.Len() > 0 && at.Step == b.grid.Step:
	case at.Len() > 0:
		b.note("Activity is judged at multiples of %s, of which one in %s is one of --step=%s.", spell(step), spell(at.Step), spell(b.grid.Step))
	case len(b.cfg.fillable()) == 1:
		return usagef("activity is judged at multiples of %s, none of which is one of --step=%s in this time", spell(step), spell(b.grid.Step))
	default:
		b.note("Activity is left out: it is judged at multiples of %s, none of which is one of --step=%s in this time.", spell(step), spell(b.grid.Step))
		return nil
	}
	b.note("Of activity, silences are left out: when the newest message of each past moment had come, counts do not tell.")
	return nil
}

// header says what is asked for. The ends of the grid are not known yet.
func (b *Backfill) header() header {
	cfg := b.cfg
	head := header{
		Format: journalFormat, Version: journalVersion, Application: cfg.Target.Name, URL: cfg.Target.URL,
		From: cfg.From, To: cfg.To, Labels: cfg.Labels, Grid: Grid{Step: int64(cfg.Step / time.Second)},
		Collectors: cfg.fillable(),
	}
	if cfg.fills(collectorWindows) {
		for _, w := range cfg.Windows {
			head.Windows = append(head.Windows, span{w.Label, int64(w.Length / time.Second)})
		}
	}
	if j := b.judging; j != nil {
		head.Weeks, head.TimeZone, head.Holidays = j.weeks, cfg.Target.TimeZone, cfg.Target.Holidays
		if head.TimeZone == "" {
			head.TimeZone = time.UTC.String()
		}
	}
	return head
}

func (b *Backfill) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

func (b *Backfill) connect() error {
	cfg, err := b.cfg.Target.ClientConfig()
	if err != nil {
		return err
	}
	cfg.UserAgent, cfg.Logger = b.cfg.UserAgent, b.cfg.Logger
	b.client = chatapi.New(cfg)
	b.counter = &counter{client: b.client, journal: b.journal}
	return nil
}

// filter names a filter of a list.
type filter struct {
	endpoint chatapi.Endpoint
	name     string
}

// prove lets the exporter's own prover judge the filters. The only collector
// that it needs for that counts nothing else without windows.
func prove(ctx context.Context, cfg Config) (map[filter]collector.FilterStatus, error) {
	set := collector.Settings{PollInterval: time.Minute, Collectors: []string{"windows"}, UserAgent: cfg.UserAgent}
	status, err := collector.CheckTarget(ctx, set, cfg.Target, cfg.Logger)
	if err != nil {
		return nil, err
	}
	out := map[filter]collector.FilterStatus{}
	for _, f := range status.Filters {
		out[filter{chatapi.Endpoint(f.Endpoint), f.Filter}] = f
	}
	return out, nil
}

const supported = "supported" // collector.FilterStatus.State

// chooseLists takes the lists whose rows can be counted by the time of their
// creation. A list without rows needs no filter.
func (b *Backfill) chooseLists(ctx context.Context, proven map[filter]collector.FilterStatus) (byType bool, err error) {
	var unproven []string
	for _, l := range []struct {
		endpoint chatapi.Endpoint
		count    func(context.Context, ...chatapi.Cond) (int64, error)
	}{{chatapi.Dialogs, b.client.CountDialogs}, {chatapi.Messages, b.client.CountMessages}} {
		if l.endpoint == chatapi.Dialogs && !b.cfg.fills(collectorTotals) && !b.cfg.fills(collectorWindows) {
			continue
		}
		n, err := l.count(ctx) // also tells the API's time
		if err != nil {
			return false, err
		}
		created := proven[filter{l.endpoint, string(chatapi.CreatedAt)}]
		if n > 0 && created.State != supported {
			unproven = append(unproven, fmt.Sprintf("%s cannot be counted by created_at: the filter is %s (%s)", l.endpoint, created.State, created.Reason))
			continue
		}
		b.lists = append(b.lists, &list{endpoint: l.endpoint, empty: n == 0})
	}
	if len(b.lists) == 0 {
		return false, fmt.Errorf("%w: %s", errNothing, strings.Join(unproven, "; "))
	}
	for _, text := range unproven {
		b.note("Left out: %s.", text)
	}
	for _, l := range b.lists {
		if l.endpoint != chatapi.Dialogs {
			continue
		}
		t := proven[filter{chatapi.Dialogs, "type"}]
		l.byType = l.empty || t.State == supported
		if !l.byType {
			b.note("Dialogs cannot be told apart by type: the filter is %s (%s). Their total has the dialog_type %q.", t.State, t.Reason, typeUnknown)
		}
		byType = l.byType
	}
	return byType, nil
}

// place lays the grid, by the API's clock.
func (b *Backfill) place() (Grid, error) {
	now, known := b.client.Now()
	if !known {
		b.note("The API does not tell its time: this machine's clock stands for it.")
	}
	// The head is Prometheus', whose clock is rather this machine's.
	newest := now
	if local := time.Now(); local.Before(newest) {
		newest = local
	}
	newest = newest.Add(-HeadAge)
	step := int64(b.cfg.Step / time.Second)
	from, to := b.cfg.From.Resolve(now), b.cfg.To.Resolve(now)
	g := NewGrid(from, min(to, newest.Unix()), step)
	if err := CheckRange(from, to, newest.Unix(), step); err != nil {
		return g, err
	}
	if to > newest.Unix() {
		b.note("The last three hours are left out: Prometheus still has them in its head, beside which blocks must not be put.")
	}
	return g, nil
}

// CheckRange tells whether there is anything to fill between two times, and not
// too much. newest is the latest that may be written; all are unix seconds.
func CheckRange(from, to, newest, step int64) error {
	switch n := NewGrid(from, min(to, newest), step).Len(); {
	case from >= to:
		return usagef("--from must be before --to")
	case from >= newest:
		return usagef("--from must be more than three hours ago: what is newer must not be put beside the head of Prometheus")
	case n == 0:
		return usagef("no multiple of --step=%s lies between --from and --to, the last three hours left out; lower --step", spell(step))
	case n > MostSamples:
		return usagef("%d samples in a series are more than %d; raise --step, or fill the time in several runs", n, MostSamples)
	}
	return nil
}

// countable leaves out the series whose list cannot be counted.
func (b *Backfill) countable(all []family) []family {
	for i := range all {
		all[i].series = slices.DeleteFunc(all[i].series, func(s series) bool {
			return s.endpoint != "" && !slices.ContainsFunc(b.lists, func(l *list) bool { return l.endpoint == s.endpoint })
		})
	}
	return all
}

// plan cuts the past into bins, and finds out what they cost.
func (b *Backfill) plan(ctx context.Context) error {
	b.estimate.Answered = int64(b.journal.len())
	for _, l := range b.lists {
		l.edges = edges(b.grid, b.families, l.endpoint)
		plain := l.edges
		if b.judging != nil && l.endpoint == chatapi.Messages {
			l.edges = tidy(slices.Concat(plain, b.judging.edges(b.grid)))
		}
		if len(l.edges) == 0 {
			continue
		}
		l.bins = make([]tally, len(l.edges)-1)
		if !l.empty && len(l.bins) > 0 {
			got, err := b.counter.ask(ctx, question{List: l.endpoint, From: l.edges[0], To: l.edges[len(l.edges)-1]}, nil)
			if err != nil {
				return err
			}
			l.inRange = got.Total
		}
		about, atMost := l.estimate()
		b.estimate.About += about
		b.estimate.AtMost += atMost
		without, _ := l.without(plain).estimate()
		b.estimate.Activity += about - without
	}
	b.estimate.About = max(0, b.estimate.About-b.estimate.Answered)
	b.estimate.AtMost = max(0, b.estimate.AtMost-b.estimate.Answered)
	return nil
}

// Notes are sentences that the user should read before the work begins.
func (b *Backfill) Notes() []string { return b.notes }

// Estimate tells what Count will cost.
func (b *Backfill) Estimate() Estimate { return b.estimate }

// Grid is the times of the samples.
func (b *Backfill) Grid() Grid { return b.grid }

// Progress is how far Count has come.
type Progress struct {
	Done, Bins int64
	Requests   int64 // answered in this run
}

// Progress may be called while Count runs.
func (b *Backfill) Progress() Progress {
	p := Progress{Done: b.counter.done.Load(), Requests: b.counter.requests.Load()}
	for _, l := range b.lists {
		p.Bins += int64(len(l.bins))
	}
	return p
}

// Count asks for all that is not known yet. After an error, and after the end
// of ctx, what was answered is in the journal.
func (b *Backfill) Count(ctx context.Context) error {
	return b.counter.run(ctx, b.lists, max(1, b.cfg.Target.Concurrency))
}

// Write writes the result of a Count that succeeded.
func (b *Backfill) Write(w io.Writer) (Manifest, error) {
	c := &counts{lists: map[chatapi.Endpoint]*cumulative{}}
	for _, l := range b.lists {
		c.lists[l.endpoint] = accumulate(l.edges, l.base, l.bins)
		if b.judging != nil && l.endpoint == chatapi.Messages {
			c.verdicts = b.judging.verdicts(b.grid, func(t int64) int64 { return c.before(chatapi.Messages, all, t) })
		}
	}
	return write(w, b.grid, b.families, c, b.cfg.Target.Name, b.cfg.Labels)
}

// Finish closes the run whose result is written: the journal is no longer
// needed.
func (b *Backfill) Finish() error {
	b.client.Close()
	return b.journal.remove()
}

// Close closes a run that did not finish. The journal stays, if there is
// anything in it. After Finish it does nothing.
func (b *Backfill) Close() error {
	if b.client != nil {
		b.client.Close()
	}
	return b.journal.close()
}

// Kept is the number of answers in the journal, to go on from.
func (b *Backfill) Kept() int {
	if b.journal.path == "" {
		return 0
	}
	return b.journal.len()
}
