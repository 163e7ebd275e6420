package chatapi

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// Endpoint names one of the three documented endpoints, as metrics do.
type Endpoint string

// The endpoints (vendor's page: Dialogs List, Messages List, Dialog Update).
const (
	Dialogs      Endpoint = "dialogs"
	Messages     Endpoint = "messages"
	DialogUpdate Endpoint = "dialog"
)

const (
	keyHeader    = "CB-Administration-API-Key"
	dialogsPath  = "/admin/chat/list"
	messagesPath = "/admin/chat/messages/list"
	dialogPath   = "/admin/chat/"
	maxRedirects = 3
)

// Observer sees what a client does. Its methods are called from many
// goroutines and must not block.
type Observer interface {
	// Request reports one HTTP request that ended: code is the status, or
	// "timeout", "network", "decode" or "too_large"; took excludes waiting.
	Request(e Endpoint, code string, took time.Duration)
	// Retry reports that a request will be repeated; reason is a code.
	Retry(e Endpoint, reason string)
	// Wait reports time spent waiting for the rate limit or a pause.
	Wait(d time.Duration)
	// Call reports a finished call, retries included; err is nil if it was
	// answered 2xx and understood. Calls that the caller gave up on are not
	// reported.
	Call(e Endpoint, err error)
}

// Config describes one application at the API.
type Config struct {
	URL         *url.URL          // as ParseURL gives it
	Key         KeySource         // asked at first use and when a key is refused
	Timeout     time.Duration     // of one request, its body included; default 10s
	RateLimit   float64           // requests per second; 0: no limit
	Concurrency int               // requests in flight; default 4
	UserAgent   string            // default "connectycube_exporter"
	Transport   http.RoundTripper // default: the network
	Observer    Observer          // default: none
	Logger      log.Logger        // default: none
}

// Client calls the API for one application. It is safe for concurrent use.
type Client struct {
	*core
	lane Lane
}

// core is what the lanes of one client share.
type core struct {
	cfg     Config
	http    *http.Client
	limiter *limiter
	clock   *clock
	retries retryBudget

	mu        sync.Mutex
	key       Secret
	dateFault string // why the latest Date was of no use; empty: it was
}

// New makes a client. It sends nothing and reads no key.
func New(cfg Config) *Client {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = 4
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "connectycube_exporter"
	}
	if cfg.Logger == nil {
		cfg.Logger = log.NewNopLogger()
	}
	if cfg.Observer == nil {
		cfg.Observer = nobody{}
	}
	c := &core{
		cfg:     cfg,
		limiter: newLimiter(cfg.RateLimit, cfg.Concurrency),
		clock:   newClock(),
	}
	c.http = &http.Client{Transport: cfg.Transport, CheckRedirect: c.checkRedirect}
	if cfg.Transport == nil {
		c.http.Transport = newTransport(cfg.Concurrency)
	}
	return &Client{core: c}
}

// Lane gives the same client with another precedence.
func (c *Client) Lane(l Lane) *Client { return &Client{core: c.core, lane: l} }

// Now is the API's clock, estimated from its replies; known is false while it
// is this machine's clock for want of a usable Date header.
func (c *Client) Now() (t time.Time, known bool) { return c.clock.now() }

// Settled is a time on the API's clock that has passed for sure, even if the
// slowest of the clocks that its replies of the last hour came from is the
// right one. It runs behind Now by a second and the slowest round trip; what
// is to be counted once and for all ends before it.
func (c *Client) Settled() (t time.Time, known bool) { return c.clock.settled() }

// ClockFault says why the latest reply could not tell the API's time; empty:
// it could, or there was no reply yet.
func (c *Client) ClockFault() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dateFault
}

// Adopt takes over what another client learnt of the same API: its clock, and
// a pause that it asked for. It is called before the first request.
func (c *Client) Adopt(old *Client) {
	c.clock = old.clock
	c.limiter.pause(old.limiter.pauseLeft())
	fault := old.ClockFault()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dateFault = fault
}

// Skew is the API's clock minus this machine's.
func (c *Client) Skew() (skew time.Duration, known bool) { return c.clock.skew() }

// Rate is the rate limit in effect, in requests per second; +Inf: none.
func (c *Client) Rate() float64 { return c.limiter.rate() }

// PauseLeft is what remains of a pause that the API asked for.
func (c *Client) PauseLeft() time.Duration { return c.limiter.pauseLeft() }

// Close drops idle connections. Calls must have ended.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// RereadKey asks the source for the key again. On an error the old key stays.
func (c *Client) RereadKey() error {
	_, err := c.rereadKey(Secret{})
	return err
}

// rereadKey tells whether the key is another one now than the one used. That
// is asked of the key used, not of the key held: of several requests that were
// refused at once, only the first finds the held one outdated.
func (c *core) rereadKey(used Secret) (changed bool, err error) {
	key, err := c.cfg.Key.Key()
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key = key
	return key != used, nil
}

func (c *core) currentKey() (Secret, error) {
	c.mu.Lock()
	key := c.key
	c.mu.Unlock()
	if !key.IsZero() {
		return key, nil
	}
	if _, err := c.rereadKey(Secret{}); err != nil {
		return Secret{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.key, nil
}

// noteDate logs when the server's clock becomes unusable, and usable again.
func (c *core) noteDate(err error) {
	fault := ""
	if err != nil {
		fault = err.Error()
	}
	c.mu.Lock()
	changed := fault != c.dateFault
	c.dateFault = fault
	c.mu.Unlock()
	switch {
	case !changed:
	case err != nil:
		level.Warn(c.cfg.Logger).Log("msg", "the API's clock cannot be read; windows fall back to the last estimate, then to this machine's clock, and the created counters go absent", "err", err)
	default:
		level.Info(c.cfg.Logger).Log("msg", "the API's clock can be read again")
	}
}

// checkRedirect keeps the key on its origin: Go forwards custom headers to
// wherever a redirect leads. Only what began as a GET is sent elsewhere: Go
// turns a redirected PUT into a GET, whose answer would be taken for the PUT's.
func (c *core) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects || via[0].Method != http.MethodGet || !sameOrigin(req.URL, c.cfg.URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

func newTransport(inFlight int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = inFlight
	t.MaxResponseHeaderBytes = 64 << 10
	t.Proxy = httpsOnly(http.ProxyFromEnvironment)
	return t
}

// httpsOnly keeps a proxy from reading the key on plain http; https is
// tunnelled.
func httpsOnly(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		if req.URL.Scheme != "https" {
			return nil, nil
		}
		return proxy(req)
	}
}

type nobody struct{}

func (nobody) Request(Endpoint, string, time.Duration) {}
func (nobody) Retry(Endpoint, string)                  {}
func (nobody) Wait(time.Duration)                      {}
func (nobody) Call(Endpoint, error)                    {}

// request is one request that is to be made, perhaps several times.
type request struct {
	endpoint Endpoint
	method   string
	path     string
	query    url.Values
	body     []byte
	decode   func([]byte) error
}

// budget bounds the waiting between the tries of one call.
func (c *core) budget() time.Duration { return 3 * c.cfg.Timeout }

// CallBudget is how long a call may take at most, apart from waiting for the
// rate limit: the tries, and the waits between them.
func (c *Client) CallBudget() time.Duration { return c.budget() + maxTries*c.cfg.Timeout }

func (c *Client) call(ctx context.Context, r request) error {
	err := c.tries(ctx, r)
	if ctx.Err() != nil && err != nil {
		return context.Cause(ctx)
	}
	c.cfg.Observer.Call(r.endpoint, err)
	return err
}
