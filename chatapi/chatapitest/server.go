package chatapitest

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// DefaultKey is the key a Server accepts when Config names none.
const DefaultKey = "sandbox-key"

// CanaryUserBase is where user ids begin when Config has a Canary. There are
// fewer than a million, so each of them is written 1987 and six digits.
const CanaryUserBase = 1_987_000_000

const userBase = 32_000

// Config says what a Server holds and how it lives on. The zero value is an
// empty application.
type Config struct {
	Seed     uint64
	Dialogs  int // rows at the start
	Messages int // rows at the start; with any, there is at least one dialog
	Weeks    int // length of the history before Now, 13 by default

	// Rate is how many messages a second Step and Run add, in the mean over a
	// day; the rhythm of day and week moves it by a quarter at most. 0: none.
	Rate float64

	// Traffic, where there is one, says instead of Messages and Rate when
	// messages are created, before Now and after it. A seed of 0 is Seed.
	Traffic *Traffic

	Key    string           // the key accepted, DefaultKey by default
	Now    func() time.Time // the true clock, time.Now by default
	Prefix string           // of every path, such as "/eu"; none by default

	// Canary is put into every text a user could have written: message bodies,
	// names, descriptions, last_message, custom parameters, and into error
	// bodies. Each place has its own variant: the canary, "-" and the place.
	Canary string

	Quirks Quirks
}

// HistoryRate is the mean of messages a second over the generated history.
func (c Config) HistoryRate() float64 {
	return float64(c.Messages) / c.withDefaults().span().Seconds()
}

func (c Config) span() time.Duration { return time.Duration(c.Weeks) * 7 * 24 * time.Hour }

func (c Config) withDefaults() Config {
	if c.Weeks <= 0 {
		c.Weeks = 13
	}
	if c.Key == "" {
		c.Key = DefaultKey
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Messages > 0 || c.Traffic != nil {
		c.Dialogs = max(c.Dialogs, 1)
	}
	return c
}

// Server is a sandbox of one application. It is safe for concurrent use.
type Server struct {
	config Config
	words  words
	log    requestLog
	faults faultList

	stepping sync.Mutex // held by Step, so that steps follow one another

	mu     sync.RWMutex // guards what follows
	key    string
	quirks Quirks
	store  *store
	people people
	edits  *rand.Rand // of ids that direct edits need
	live   *live
}

var _ http.Handler = (*Server)(nil)

// New generates the history of an application up to Now.
func New(config Config) *Server {
	config = config.withDefaults()
	now := config.Now()
	s := &Server{
		config: config,
		words:  newWords(config.Canary),
		key:    config.Key,
		quirks: config.Quirks,
		people: newPeople(config),
		edits:  newRand(config.Seed, "edits"),
	}
	s.live = newLive(config, now)
	s.store = generate(config, s.people, now.Add(config.Quirks.Skew), s.live.traffic)
	return s
}

// newRand is the source of chance for one purpose, so that what one purpose
// draws does not change the others.
func newRand(seed uint64, purpose string) *rand.Rand {
	h := seed
	for _, c := range []byte(purpose) {
		h = mix(h ^ uint64(c))
	}
	return rand.New(rand.NewPCG(seed, h))
}

// Key returns the key accepted now.
func (s *Server) Key() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.key
}

// SetKey rotates the key.
func (s *Server) SetKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = key
}

// Quirks returns what SetQuirks was given.
func (s *Server) Quirks() Quirks {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.quirks
}

// SetQuirks replaces all quirks. The caller leaves the maps in q alone from
// then on.
func (s *Server) SetQuirks(q Quirks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quirks = q
}

// Run adds live traffic until ctx ends, a step a second.
func (s *Server) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.Step(s.config.Now())
		}
	}
}

// serverNow is the server's clock in unix milliseconds. The caller holds mu.
func (s *Server) serverNow() int64 { return s.serverTime(s.config.Now()) }

func (s *Server) serverTime(at time.Time) int64 {
	return min(max(at.Add(s.quirks.Skew).UnixMilli(), 0), maxTime)
}
