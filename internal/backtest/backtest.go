package backtest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/collector/survey"
)

const (
	bin  = int64(activity.BinSeconds)
	hour = int64(3600)
	day  = 24 * hour

	// LongestDays is the most that can be looked back at in one run: a saved
	// history holds not much more than that and what a judge needs before it.
	LongestDays = 182

	// ProofRequests is about how many requests Prepare takes.
	ProofRequests = 35

	// learning is the time before the first judgement whose silences, and whose
	// hours' straying, a judge looks at.
	learning = 14 * day

	sampleSize = 16 // dialogs that an application is known by
)

// Config says what to look back at.
type Config struct {
	Target   collector.Target
	Weeks    int                       // past weeks to compare with; 0: activity.DefaultWeeks
	From, To func(now time.Time) int64 // unix seconds, by the API's clock
	Saved    collector.AppHistory      // to begin with

	UserAgent string
	Logger    log.Logger
}

// Backtest is one run: Prepare, Run, Close.
type Backtest struct {
	cfg      Config
	client   *chatapi.Client
	calendar *activity.Calendar
	history  *activity.History
	survey   *survey.Survey
	sorted   bool // the API sorts messages by created_at
	dialogs  []chatapi.ObjectID
	foreign  bool
	empty    bool    // the API has no message at all
	rate     float64 // messages an hour of the hours that are missing
	from, to int64   // of the judgement: times on its grid, the first one excluded
	notes    []string

	requests, about atomic.Int64
	phase           atomic.Pointer[string]
}

// UsageError is for the user to put right.
type UsageError struct{ error }

func (e UsageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// CheckRange tells whether there is a time to look back at.
func CheckRange(from, to, now int64) error {
	switch to = min(to, now); {
	case from >= now:
		return usagef("--from must be in the past")
	case from >= to:
		return usagef("--from must be before --to")
	case activity.Ceil(from, bin) >= activity.Floor(to, bin):
		return usagef("--from and --to must be at least ten minutes apart")
	case to-from > LongestDays*day+hour: // an hour for changes of the clock
		return usagef("--from must be at most %dd before --to: look back in several runs", LongestDays)
	}
	return nil
}

const supported = "supported" // collector.FilterStatus.State

// Prepare proves the filter created_at, asks for the API's clock, and finds out
// how much there is to ask for: about ProofRequests requests.
func Prepare(ctx context.Context, cfg Config) (*Backtest, error) {
	if cfg.Weeks == 0 {
		cfg.Weeks = activity.DefaultWeeks
	}
	b := &Backtest{cfg: cfg}
	if err := b.prepare(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Backtest) prepare(ctx context.Context) (err error) {
	if b.calendar, err = b.cfg.Target.Calendar(); err != nil {
		return UsageError{err}
	}
	if err := b.connect(); err != nil {
		return err
	}
	created, err := b.prove(ctx)
	if err != nil {
		return err
	}
	n, err := b.client.CountMessages(ctx) // also tells the API's time
	if err != nil {
		return err
	}
	b.empty = n == 0
	if !b.empty && created.State != supported {
		return fmt.Errorf("messages cannot be counted by the time of their creation, without which nothing can be judged: "+
			"the API's filter created_at is %s (%s)", created.State, created.Reason)
	}
	if err := b.place(); err != nil {
		return err
	}
	if err := b.adopt(ctx); err != nil {
		return err
	}
	return b.plan(ctx)
}

func (b *Backtest) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// Notes are sentences that the user should read before the work begins.
func (b *Backtest) Notes() []string { return b.notes }

func (b *Backtest) connect() error {
	cfg, err := b.cfg.Target.ClientConfig()
	if err != nil {
		return err
	}
	cfg.UserAgent, cfg.Logger, cfg.Observer = b.cfg.UserAgent, b.cfg.Logger, &observer{b}
	b.client = chatapi.New(cfg)
	return nil
}

// observer counts the requests.
type observer struct{ b *Backtest }

func (o *observer) Request(chatapi.Endpoint, string, time.Duration) { o.b.requests.Add(1) }
func (o *observer) Retry(chatapi.Endpoint, string)                  {}
func (o *observer) Wait(time.Duration)                              {}
func (o *observer) Call(chatapi.Endpoint, error)                    {}

// prove lets the exporter's own prover judge the filter, and the sort that
// pages need. The only collector that it needs for that counts nothing else
// without windows.
func (b *Backtest) prove(ctx context.Context) (created collector.FilterStatus, err error) {
	set := collector.Settings{PollInterval: time.Minute, Collectors: []string{"windows"}, UserAgent: b.cfg.UserAgent}
	status, err := collector.CheckTarget(ctx, set, b.cfg.Target, b.cfg.Logger)
	if err != nil {
		return created, err
	}
	for _, f := range status.Filters {
		switch {
		case f.Endpoint != string(chatapi.Messages):
		case f.Filter == string(chatapi.CreatedAt):
			created = f
		case f.Filter == collector.SortByCreation:
			b.sorted = f.State == supported
		}
	}
	return created, nil
}

// place finds the time to judge, by the API's clock.
func (b *Backtest) place() error {
	now, known := b.client.Settled()
	if !known {
		now = time.Now().Add(-time.Hour)
		b.note("The API does not tell its time: this machine's clock stands for it, and the last hour is left out.")
	}
	settled := activity.Settled(now.Unix())
	from, to := b.cfg.From(now), b.cfg.To(now)
	if err := CheckRange(from, to, settled); err != nil {
		return err
	}
	b.from, b.to = activity.Ceil(from, bin), activity.Floor(min(to, settled), bin)
	return nil
}

// adopt takes the saved history, if it is of this application.
func (b *Backtest) adopt(ctx context.Context) error {
	b.history = activity.NewHistory()
	b.survey = &survey.Survey{Client: b.client, History: b.history, Sorted: b.sorted}
	saved := b.cfg.Saved
	if saved.History == nil {
		return b.introduce(ctx)
	}
	same, err := b.knows(ctx, saved.Dialogs)
	if err != nil {
		return fmt.Errorf("looking whether the saved state is of this application: %w", err)
	}
	if !same {
		b.foreign = true
		b.note("The saved state is of another application: the API knows none of its dialogs. It is neither used nor changed.")
		return nil
	}
	b.history.Merge(saved.History)
	return nil
}

// knows tells whether the API has one of the dialogs, as the exporter does
// before it uses a state. An application that had none has none still, or
// cannot be told from others.
func (b *Backtest) knows(ctx context.Context, dialogs []chatapi.ObjectID) (bool, error) {
	for _, id := range dialogs {
		n, err := b.client.CountDialogs(ctx, chatapi.ID.Only(id)...)
		if err != nil || n == 1 {
			return n == 1, err
		}
	}
	if len(dialogs) > 0 {
		return false, nil
	}
	n, err := b.client.CountDialogs(ctx)
	return n == 0, err
}

// introduce picks dialogs that a saved state can be known by.
func (b *Backtest) introduce(ctx context.Context) error {
	if len(b.cfg.Saved.Dialogs) > 0 {
		same, err := b.knows(ctx, b.cfg.Saved.Dialogs)
		b.foreign = err == nil && !same
		return err
	}
	page, err := b.client.Dialogs(ctx, chatapi.Query{Limit: chatapi.MaxLimit})
	n := len(page.Items)
	for i := range min(n, sampleSize) {
		b.dialogs = append(b.dialogs, page.Items[i*n/min(n, sampleSize)].ID)
	}
	return err
}

// Known gives what is known by now, to be saved; nothing if the saved state is
// of another application. It must not be called while Run runs.
func (b *Backtest) Known() (known collector.AppHistory, ok bool) {
	return collector.AppHistory{History: b.history, Dialogs: b.dialogs, At: b.to}, !b.foreign
}

// Progress is how far Run has come.
type Progress struct {
	Phase           string
	Requests, About int64 // sent, and of how many
}

// Progress may be called while Run runs.
func (b *Backtest) Progress() Progress {
	p := Progress{Requests: b.requests.Load(), About: b.about.Load()}
	if phase := b.phase.Load(); phase != nil {
		p.Phase = *phase
	}
	return p
}

// Run asks for what is not known yet, and judges. After an error, and after the
// end of ctx, what was learnt is in Known.
func (b *Backtest) Run(ctx context.Context) (*Result, error) {
	b.requests.Store(0)
	for _, step := range []struct {
		phase string
		do    func(context.Context) error
	}{
		{"counting hours", b.hours},
		{"looking for silences", b.sample},
		{"looking closer", b.closer},
	} {
		b.phase.Store(&step.phase)
		b.about.Store(b.requests.Load() + b.remaining())
		if err := step.do(ctx); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return b.judge(), nil
}

// Close ends the run.
func (b *Backtest) Close() {
	if b.client != nil {
		b.client.Close()
	}
}

var errIncomplete = errors.New("the API's counts of an hour do not add up")
