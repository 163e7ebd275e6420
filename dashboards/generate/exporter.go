package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const (
	exporterUID = "connectycube-exporter"
	// budget is what an application costs at most in an hour at the defaults, full
	// scans aside.
	budget = 850
)

// exporter answers: does it work as it should, and what does it cost?
func exporter() *board {
	b := newBoard("exporter.json", exporterUID, "Exporter",
		"Does the exporter work as it should, and what does it ask of ConnectyCube's API?", "6h")
	requests := hourly("application, job, instance")
	b.line(4,
		at(4, stateTile("Exporter", "The worst of all exporters. Down: Prometheus does not reach it; look at its process and its log.",
			"No exporter found", exporterWords(), "max("+scraped()+")")),
		at(4, stateTile("API", "The worst of all applications. Just failed: a call failed, which the next may mend; Fails: for five minutes.",
			unknown, apiWords(), "max("+api()+")")),
		at(4, fact("Requests, 1 h", "API requests of all chosen applications in the last hour, and how much that is of what the defaults take, full scans aside.",
			"short", query{"sum(" + requests + ") * 3600", "requests"},
			query{fmt.Sprintf("sum(%s) * 3600 / (%d * count(%s))", requests, budget, of("connectycube_up")), "of usual"}).
			OverrideByName("of usual", percent(0))),
		at(4, fact("Rate limit in effect", "Requests a second, of the application with the least. 429s halve it, and it recovers slowly.",
			"reqps", query{"min(" + of("connectycube_api_rate_limit_requests_per_second") + ")", "limit"})),
		at(4, stateTile("Configuration", "Did the latest reload succeed? If not, the old configuration runs on; the log says what is wrong with the new one.",
			unknown, map[int]wording{0: {"Reload failed", orange}, 1: {"In effect", green}},
			"min("+program("connectycube_exporter_config_last_reload_successful")+")")),
		at(4, stateTile("State file", "Could the state be written? Without --state.file there is none, and a restart begins anew.",
			"None seen", map[int]wording{0: {"Not written", orange}, 1: {"Written", green}},
			"min("+program("connectycube_exporter_state_last_write_successful")+")")))
	requestsRow(b)
	collectorsRow(b)
	processRow(b)
	return b
}

func requestsRow(b *board) {
	b.row("Requests to the API", "")
	b.line(8,
		at(12, chart("Requests by endpoint and code", "API requests a minute; those of dialogs are dashed. Codes that do not begin with 2: the runbook says what to do.",
			"short", nothingYet, codes(),
			query{perSecond("connectycube_api_requests_total", "endpoint, code") + " * 60", "{{endpoint}} {{code}}"})),
		at(12, chart("Requests in an hour against the budget", "Of the application with the most, over the last hour. The dashed line is what the defaults take at most, full scans aside: "+
			"well above it, a full scan runs or the settings ask for more.",
			"short", nothingYet, []look{{series: "requests", color: sky, thick: true}},
			query{"max(" + hourly("application, job, instance") + ") * 3600", "requests"}).
			Thresholds(steps("transparent", from(budget, orange))).
			ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))))
	b.line(8,
		at(8, latency()),
		at(8, chart("Waiting", "Seconds that requests wait in each second: for the rate limit, a free place, or the end of a pause that the API asked for. "+
			"Much and steady: raise --api.rate-limit, or count less.",
			"none", nothingYet, []look{{series: "waiting", color: sky}},
			query{"sum(rate(" + of("connectycube_api_wait_seconds_total") + "[$__rate_interval]))", "waiting"})),
		at(8, chart("Rate limit over time", "Requests a second that are allowed, of the application with the least. Low for hours: another client uses up the quota.",
			"reqps", "No limit, or no data yet", []look{{series: "limit", color: sky, thick: true}},
			query{"min(" + of("connectycube_api_rate_limit_requests_per_second") + " < Inf)", "limit"})))
	b.line(8,
		at(8, chart("Retries", "Requests a minute that were sent again, by why. A few are harmless; many make everything late: look at codes and latency.",
			"short", nothingYet, codes(),
			query{either(perSecond("connectycube_api_retries_total", "endpoint, reason")+" * 60",
				`label_replace(0 * max(`+of("connectycube_up")+`), "reason", "none", "", "")`), "{{endpoint}} {{reason}}"})),
		at(8, chart("Clock skew", "The API's clock minus the exporter's, the largest and the least of the applications. More than a minute makes ages wrong: mend the clock of the machine.",
			"s", nothingYet, []look{{series: "largest", color: sky}, {series: "least", color: orange, dashed: true}},
			query{"max(" + of("connectycube_api_clock_skew_seconds") + ")", "largest"},
			query{"min(" + of("connectycube_api_clock_skew_seconds") + ")", "least"})),
		at(8, grid("Filters of the API", "Which filters the API was seen to honour on a known row. What needs one that it does not honour is absent, not wrong.",
			[][2]string{{"endpoint", "Endpoint"}, {"filter", "Filter"}},
			column{expr: "min by (endpoint, filter) (" + of("connectycube_api_filter_supported") + ")", title: "Honoured", unit: "none", width: 100,
				words: map[int]wording{0: {"No", orange}, 1: {"Yes", green}}}).
			OverrideByName("Endpoint", []dashboard.DynamicConfigValue{property("custom.width", 90)}).
			OverrideByName("Filter", []dashboard.DynamicConfigValue{property("custom.width", 180)})))
}

func collectorsRow(b *board) {
	b.row("Collectors", "")
	b.line(8,
		at(8, freshness()),
		at(8, chart("Duration of a refresh", "Of the slowest application, waiting for the rate limit included. The first of mutes and activity are long; all the time near the interval: too much is asked for.",
			"s", nothingYet, collectors(),
			query{"max by (collector) (" + of("connectycube_collector_duration_seconds") + ")", "{{collector}}"})),
		at(8, timeline("Did the latest refresh succeed?", "A collector fails alone. The log and the status page say why.", nothingYet,
			lane{query: query{"min by (application, collector) (" + of("connectycube_collector_success") + ")", "{{application}} {{collector}}"}, series: "/./",
				words: map[int]wording{0: {"Failed", orange}, 1: {"Succeeded", green}}})))
	b.line(7, scan()...)
	b.line(7,
		at(8, chart("Age of each window's count", "Seconds since the end of the window that was counted last. Long windows are counted less often: a thirtieth of their length, hourly at least. Above three times that: counts fail.",
			"s", nothingYet, windows(),
			query{"time() - min by (window) (" + of("connectycube_window_end_timestamp_seconds") + ")", "{{window}}"})),
		at(8, chart("New dialogs as they are counted", "Dialogs an hour, each counted once, of all chosen applications: the finest view of whether people begin to talk.",
			"short", nothingYet, []look{{series: "dialogs an hour", color: sky}},
			query{"sum(" + each("rate("+of("connectycube_dialogs_created_total")+"[$__rate_interval])") + ") * 3600", "dialogs an hour"}).Interval("15m")),
		at(8, fact("Since the latest write of the state", "Nothing is written while nothing changes; minutes are usual with --state.file.",
			"s", query{"time() - max(" + program("connectycube_exporter_state_last_write_success_timestamp_seconds") + ")", "ago"}).Decimals(0)))
}

func processRow(b *board) {
	b.row("The process", "")
	b.line(5, at(24, grid("Exporters", "What runs, and for how long. Two versions: an update is not complete.",
		[][2]string{{"instance", "Instance"}, {"version", "Version"}},
		column{expr: "max by (instance, version) (time() - " + program("process_start_time_seconds") + " + on (job, instance) group_left (version) 0 * " +
			program("connectycube_exporter_build_info") + ")", title: "Runs for", unit: "s", decimals: cog.ToPtr(0.0)},
		column{expr: "max by (instance) (time() - " + program("connectycube_exporter_config_last_reload_success_timestamp_seconds") + ")",
			title: "Configuration taken over", unit: "s", decimals: cog.ToPtr(0.0)},
		column{expr: "max by (instance) (" + process("process_resident_memory_bytes") + ")", title: "Memory", unit: "bytes"})))
	b.line(7,
		at(6, chart("Memory", "Resident memory. Some 20 MB, and what a scan of millions of dialogs needs; growing for days: report it.",
			"bytes", nothingYet, nil, query{process("process_resident_memory_bytes"), "{{instance}}"})),
		at(6, chart("Processor", "Share of one core. A few percent is usual; more for hours: report it.", "percentunit", nothingYet, nil,
			query{"rate(" + program("process_cpu_seconds_total") + "[$__rate_interval]) and on (job, instance) " + program("connectycube_exporter_build_info"), "{{instance}}"})),
		at(6, chart("Goroutines", "Some 50 an application at most. Rising for days: report it.", "short", nothingYet, nil,
			query{process("go_goroutines"), "{{instance}}"})),
		at(6, chart("Duration of a scrape", "A scrape reads memory and asks nothing of the API. Near the scrape timeout: the machine is too busy.",
			"s", nothingYet, nil, query{process("scrape_duration_seconds"), "{{instance}}"})))
}

// hourly is the rate of requests over the last hour.
func hourly(by string) string {
	return "avg_over_time((" + perSecond("connectycube_api_requests_total", by) + ")[1h:1m])"
}

// latency is of native histograms where Prometheus scrapes them, else of classic
// ones.
func latency() cog.Builder[dashboard.Panel] {
	quantile := func(q float64) string {
		rate := "rate(" + of("connectycube_api_request_duration_seconds") + "[$__rate_interval])"
		classic := "rate(" + of("connectycube_api_request_duration_seconds_bucket") + "[$__rate_interval])"
		return either(fmt.Sprintf("histogram_quantile(%v, sum by (endpoint) (%s))", q, rate),
			fmt.Sprintf("histogram_quantile(%v, sum by (endpoint, le) (%s))", q, classic))
	}
	return chart("Latency of the API",
		"Half of the requests take less than the first, one in twenty more than the second. Rising together with failures: the trouble is ConnectyCube's, or on the way there.",
		"s", nothingYet,
		[]look{{series: "dialogs 50 %", color: sky}, {series: "dialogs 95 %", color: sky, dashed: true},
			{series: "messages 50 %", color: orange}, {series: "messages 95 %", color: orange, dashed: true},
			{series: "dialog 50 %", color: green}, {series: "dialog 95 %", color: green, dashed: true}},
		query{quantile(0.5), "{{endpoint}} 50 %"}, query{quantile(0.95), "{{endpoint}} 95 %"})
}

// failedRequests says why the API fails.
func failedRequests() cog.Builder[dashboard.Panel] {
	return chart("Requests that failed",
		"API requests a minute, by what came back. 401 and 403: the key. 429: too many requests. From 500 on: ConnectyCube. Words: no answer, or one that cannot be understood.",
		"short", nothingYet, codes(),
		query{either(perSecond("connectycube_api_requests_total", "code", `code!~"2.."`)+" * 60",
			`label_replace(0 * max(`+of("connectycube_up")+`), "code", "none", "", "")`), "{{code}}"})
}

// freshness is how late each collector is.
func freshness() cog.Builder[dashboard.Panel] {
	return chart("Age of each collector's numbers",
		"Of the application that is latest, in intervals of the collector: 1 is usual, and from 3 on values begin to disappear. The first activity and mutes take longer.",
		"none", nothingYet, collectors(),
		query{"max by (collector) ((time() - " + of("connectycube_collector_last_success_timestamp_seconds") + ") / " + of("connectycube_collector_interval_seconds") + ")",
			"{{collector}}"}).
		Thresholds(steps("transparent", from(3, orange))).
		ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
}
