package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// selfDescs are the metrics about the polling of one application.
type selfDescs struct {
	up, rate, skew, filter                   *prometheus.Desc
	success, duration, lastSuccess, interval *prometheus.Desc
}

func newSelfDescs() *selfDescs {
	return &selfDescs{
		up: desc("up",
			"1 if the latest call to every API endpoint in use, retries included, was answered 2xx and understood; 0 before the first."),
		rate: desc("api_rate_limit_requests_per_second",
			"Rate limit in effect; 429s lower it and it recovers slowly. +Inf when lifted."),
		skew: desc("api_clock_skew_seconds",
			"The API's clock minus this machine's, from Date headers; 0 when the difference is below what they can show. Absent while unknown."),
		filter: desc("api_filter_supported",
			"1 if the API was seen to honour a filter on a known row, 0 if it was seen not to; absent while there is no row to prove it on.", "endpoint", "filter"),
		success: desc("collector_success",
			"1 if the latest refresh of every part of the collector succeeded. An unsupported filter is no failure. Absent before the first.", "collector"),
		duration: desc("collector_duration_seconds",
			"Duration of the collector's latest refresh, waiting for the rate limit included.", "collector"),
		lastSuccess: desc("collector_last_success_timestamp_seconds",
			"When a refresh last ended with no part of the collector failed, in unix seconds.", "collector"),
		interval: desc("collector_interval_seconds",
			"Interval of the collector's most frequent part.", "collector"),
	}
}

func (d *selfDescs) describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{d.up, d.rate, d.skew, d.filter, d.success, d.duration, d.lastSuccess, d.interval} {
		ch <- desc
	}
}

func (d *selfDescs) emit(e *emitter, defs []definition) {
	a := e.app
	e.gauge(d.up, truth(a.api.up()))
	e.gauge(d.rate, a.client.Rate())
	if skew, known := a.client.Skew(); known {
		e.gauge(d.skew, skew.Seconds())
	}
	for _, f := range provenFilters {
		if v := a.proofs.peek(f.endpoint).verdicts[f.filter]; v.known {
			e.gauge(d.filter, truth(v.supported), string(f.endpoint), f.filter)
		}
	}
	for _, def := range defs {
		s := a.collectorState(def.name, e.snap)
		e.gauge(d.interval, s.Interval.Seconds(), def.name)
		if !s.LastSuccess.IsZero() {
			e.gauge(d.lastSuccess, float64(s.LastSuccess.UnixMilli())/1e3, def.name)
		}
		if s.Attempted {
			e.gauge(d.success, truth(s.Success), def.name)
			e.gauge(d.duration, s.Duration.Seconds(), def.name)
		}
	}
}

// provenFilters are the filters that values depend on.
var provenFilters = [...]struct {
	endpoint chatapi.Endpoint
	filter   string
}{
	{chatapi.Dialogs, filterCreated},
	{chatapi.Dialogs, filterUpdated},
	{chatapi.Dialogs, filterType},
	{chatapi.Dialogs, filterLastMessage},
	{chatapi.Messages, filterCreated},
	{chatapi.Messages, filterUpdated},
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
