package collector

import (
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// apiMetrics count what all applications ask of the API. They are live
// counters, since they must not lose what happens between two snapshots.
type apiMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	retries  *prometheus.CounterVec
	wait     *prometheus.CounterVec
}

func newAPIMetrics() *apiMetrics {
	return &apiMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "connectycube_api_requests_total",
			Help: "HTTP requests sent to the API that ended. code is the HTTP status, or timeout, network, decode or too_large.",
		}, []string{"application", "endpoint", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "connectycube_api_request_duration_seconds",
			Help:                            "Time from sending a request to having read its reply, waiting for the rate limit left out.",
			Buckets:                         []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"application", "endpoint"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "connectycube_api_retries_total",
			Help: "Requests sent again. reason is the code of the request that failed.",
		}, []string{"application", "endpoint", "reason"}),
		wait: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "connectycube_api_wait_seconds_total",
			Help: "Time that requests spent waiting for the rate limit, a free place in flight, or the end of a pause that the API asked for.",
		}, []string{"application"}),
	}
}

func (m *apiMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.duration, m.retries, m.wait}
}

func (m *apiMetrics) observer(app string) *apiObserver {
	return &apiObserver{m: m, app: app, last: map[chatapi.Endpoint]bool{}}
}

// forget drops the series of an application that is gone.
func (m *apiMetrics) forget(app string) {
	labels := prometheus.Labels{"application": app}
	m.requests.DeletePartialMatch(labels)
	m.duration.DeletePartialMatch(labels)
	m.retries.DeletePartialMatch(labels)
	m.wait.DeletePartialMatch(labels)
}

// apiObserver watches the client of one application.
type apiObserver struct {
	m   *apiMetrics
	app string

	mu    sync.Mutex
	last  map[chatapi.Endpoint]bool // whether the latest call was answered and understood
	slots [60]minuteCount           // requests of the last hour
}

type minuteCount struct {
	minute int64
	n      int64
}

// begin makes the series that are to be there from the start.
func (o *apiObserver) begin() { o.m.wait.WithLabelValues(o.app) }

// adopt takes over what an earlier observer of the same application saw.
func (o *apiObserver) adopt(old *apiObserver) {
	old.mu.Lock()
	defer old.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last, o.slots = maps.Clone(old.last), old.slots
}

// Request implements [chatapi.Observer].
func (o *apiObserver) Request(e chatapi.Endpoint, code string, took time.Duration) {
	o.m.requests.WithLabelValues(o.app, string(e), code).Inc()
	o.m.duration.WithLabelValues(o.app, string(e)).Observe(took.Seconds())
	minute := time.Now().Unix() / 60
	o.mu.Lock()
	defer o.mu.Unlock()
	slot := &o.slots[minute%int64(len(o.slots))]
	if slot.minute != minute {
		*slot = minuteCount{minute: minute}
	}
	slot.n++
}

// Retry implements [chatapi.Observer].
func (o *apiObserver) Retry(e chatapi.Endpoint, reason string) {
	o.m.retries.WithLabelValues(o.app, string(e), reason).Inc()
}

// Wait implements [chatapi.Observer].
func (o *apiObserver) Wait(d time.Duration) { o.m.wait.WithLabelValues(o.app).Add(d.Seconds()) }

// Call implements [chatapi.Observer].
func (o *apiObserver) Call(e chatapi.Endpoint, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last[e] = err == nil
}

// up tells whether the latest call to every endpoint in use went well.
func (o *apiObserver) up() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, ok := range o.last {
		if !ok {
			return false
		}
	}
	return len(o.last) > 0
}

func (o *apiObserver) lastHour(now time.Time) (n int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, slot := range o.slots {
		if now.Unix()/60-slot.minute < int64(len(o.slots)) {
			n += slot.n
		}
	}
	return n
}
