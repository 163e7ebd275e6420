package chatapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-kit/log/level"
)

const (
	maxTries      = 4
	maxRetryAfter = 15 * time.Minute
)

// newBackoff is full jitter: a random wait between zero and a bound that
// doubles, from half a second to fifteen seconds.
func newBackoff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = 250 * time.Millisecond
	b.Multiplier = 2
	b.RandomizationFactor = 1
	b.MaxInterval = 7500 * time.Millisecond
	b.Reset()
	return b
}

// tries sends a request until it is answered, cannot succeed, or has used up
// its tries or the time for waiting between them.
func (c *Client) tries(ctx context.Context, r request) error {
	left := c.budget()
	wait := newBackoff()
	keyRetried := false
	for try := 1; ; try++ {
		key, kerr := c.currentKey()
		if kerr != nil {
			return &Error{Endpoint: r.endpoint, Kind: KindKey, Err: kerr}
		}
		err := c.try(ctx, r, key)
		if err == nil {
			c.limiter.raise()
			c.retries.earn()
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		if err.Refused() && !keyRetried {
			keyRetried = true
			changed, kerr := c.rereadKey(key)
			if changed {
				level.Info(c.cfg.Logger).Log("msg", "the API refused the key; trying the changed one from the key file", "status", err.Status)
				c.cfg.Observer.Retry(r.endpoint, err.Code())
				continue
			}
			err.Err = kerr
		}
		if try >= maxTries || !repeatable(r, err) || !c.retries.spend() {
			return err
		}
		pause := err.RetryAfter
		if pause == 0 {
			pause = wait.NextBackOff()
		}
		if left -= pause; left < 0 {
			return err
		}
		level.Debug(c.cfg.Logger).Log("msg", "repeating a request", "endpoint", r.endpoint, "try", try, "after", pause, "err", err)
		c.cfg.Observer.Retry(r.endpoint, err.Code())
		if err.RetryAfter > 0 {
			continue // the limiter holds this request back with all others
		}
		if sleep(ctx, pause) != nil {
			return err
		}
	}
}

// retryBudget keeps an API that is down from being asked several times for
// every call: retries are earned by requests that succeed.
type retryBudget struct {
	mu    sync.Mutex
	spent float64
}

const (
	maxRetriesSpent = 10  // retries without a success between them
	retriesEarned   = 0.1 // by a success
)

func (b *retryBudget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent+1 > maxRetriesSpent {
		return false
	}
	b.spent++
	return true
}

func (b *retryBudget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(0, b.spent-retriesEarned)
}

// repeatable tells whether the same call may try again. What hangs is not
// tried again, so that it costs one timeout; a PUT is only if it surely was
// not received.
func repeatable(r request, err *Error) bool {
	if r.method != http.MethodGet && !err.notSent {
		return false
	}
	return err.Retryable && err.Kind != KindTimeout && err.Kind != KindThrottled
}

// obey slows the whole application down when the API asks for it.
func (c *Client) obey(err *Error) {
	if err.Status == http.StatusTooManyRequests {
		if now, lowered := c.limiter.lower(); lowered {
			level.Warn(c.cfg.Logger).Log("msg", "the API throttles; rate lowered (see --api.rate-limit)", "requests_per_second", now, "retry_after", err.RetryAfter)
		}
	}
	if err.Kind == KindStatus && err.RetryAfter > 0 {
		c.limiter.pause(err.RetryAfter)
	}
}

// try sends a request once and reads the whole reply.
func (c *Client) try(ctx context.Context, r request, key Secret) *Error {
	start := time.Now()
	release, err := c.limiter.acquire(ctx, c.lane, c.budget())
	c.cfg.Observer.Wait(time.Since(start))
	if err != nil {
		out := &Error{Endpoint: r.endpoint, Kind: KindThrottled, Retryable: true}
		if paused, ok := errors.AsType[*pausedError](err); ok {
			out.RetryAfter = paused.left
		} else {
			out.Err = err
		}
		return out
	}
	defer release()

	tctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	sent := time.Now()
	res := c.send(tctx, r, key)
	if ctx.Err() == nil {
		code := strconv.Itoa(res.status)
		if res.err != nil {
			code = res.err.Code()
		}
		c.cfg.Observer.Request(r.endpoint, code, time.Since(sent))
	}
	if res.err != nil {
		c.obey(res.err) // before the release, or the next request slips through
	}
	return res.err
}

type reply struct {
	status int
	err    *Error
}

func (c *Client) send(ctx context.Context, r request, key Secret) reply {
	u := *c.cfg.URL
	u.Path += r.path
	u.RawQuery = r.query.Encode()
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return reply{err: &Error{Endpoint: r.endpoint, Kind: KindNetwork, Err: errors.New("the request cannot be made from this URL")}}
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set(keyHeader, key.Reveal())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.cfg.UserAgent)

	sent := time.Now()
	res, err := c.http.Do(req)
	if err != nil {
		return reply{err: cleanCause(transportError(r.endpoint, err), key)}
	}
	defer res.Body.Close()
	c.noteDate(c.clock.observe(sent, time.Now(), res.Header))

	data, err := readBody(res)
	ok := res.StatusCode >= 200 && res.StatusCode < 300
	switch {
	case !ok && ctx.Err() != nil:
		return reply{res.StatusCode, cleanCause(transportError(r.endpoint, ctx.Err()), key)}
	case !ok:
		return reply{res.StatusCode, c.statusError(r.endpoint, res, data, key)}
	case errors.Is(err, errTooLarge):
		return reply{res.StatusCode, &Error{Endpoint: r.endpoint, Kind: KindTooLarge}}
	case err != nil:
		return reply{res.StatusCode, cleanCause(transportError(r.endpoint, err), key)}
	}
	if err := r.decode(data); err != nil {
		return reply{res.StatusCode, &Error{Endpoint: r.endpoint, Kind: KindDecode, Err: err}}
	}
	return reply{status: res.StatusCode}
}

func (c *core) statusError(e Endpoint, res *http.Response, body []byte, key Secret) *Error {
	out := &Error{
		Endpoint:  e,
		Kind:      KindStatus,
		Status:    res.StatusCode,
		Message:   vendorMessage(body, res.Header.Get("Content-Type"), key),
		Retryable: res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500,
	}
	if out.Retryable {
		out.RetryAfter = retryAfter(res.Header, time.Now())
	}
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		out.Message = ""
		if to, err := res.Location(); err == nil {
			out.Err = &redirectError{clean(to.Scheme+"://"+to.Host, key), sameOrigin(to, c.cfg.URL)}
		}
	}
	return out
}

// redirectError names where the API wanted to send us.
type redirectError struct {
	origin string
	ours   bool
}

func (e *redirectError) Error() string {
	if e.ours {
		return fmt.Sprintf("redirect within the origin not followed: only reads are redirected, %d times at most", maxRedirects)
	}
	return "redirect to " + e.origin + " not followed, the key stays on the origin of --api.url"
}

// retryAfter reads the header in both forms: seconds, and a date, which is
// read against the Date of the same reply. What is longer than maxRetryAfter
// is cut; what is neither is nothing.
func retryAfter(h http.Header, local time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	} else if errors.Is(err, strconv.ErrRange) {
		return maxRetryAfter
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now := local.Round(0)
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(0, at.Sub(now)), maxRetryAfter)
}

// cleanCause keeps a cause for errors.Is and makes its text fit for a log:
// net/http repeats malformed replies, in quotes.
func cleanCause(e *Error, key Secret) *Error {
	if e.Err != nil {
		text := e.Err.Error()
		if first := strings.IndexByte(text, '"'); first >= 0 {
			text = text[:first] + "..."
		}
		e.Err = &cleanedError{clean(text, key), e.Err}
	}
	return e
}

type cleanedError struct {
	text string
	err  error
}

func (e *cleanedError) Error() string { return e.text }
func (e *cleanedError) Unwrap() error { return e.err }
