package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
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
	b.line(4,
		at(4, word("Exporter", "Does Prometheus reach it? If not, look at its process and its log.",
			"No exporter found", scrapeStates(), "max("+scraped()+")")),
		at(4, word("API", "The latest call to every endpoint in use was answered and understood, at some moment of the last five minutes.",
			"Unknown", apiStates(), "max("+api()+")")),
		at(4, fact("Requests, 1 h", "API requests of all chosen applications, and how much that is of what the defaults take, full scans aside.",
			"short", query{hourly("") + " * 3600", "requests"},
			query{hourly("") + fmt.Sprintf(" * 3600 / (%d * count(%s))", budget, each(of("connectycube_up"))), "of the usual"}).
			Decimals(0).OverrideByName("of the usual", share(0))),
		at(4, fact("Version", "What runs. Two names here: exporters of different versions.", "none").
			Targets([]cog.Builder[variants.Dataquery]{versions()}).TextMode(common.BigValueTextModeName).GraphMode(common.BigValueGraphModeNone)),
		at(4, word("Configuration", "Did the latest reload succeed? If not, the old configuration runs on; the log says what is wrong with the new one.",
			"Unknown", map[int]state{0: {"Reload failed", orange}, 1: {"In effect", green}},
			"min("+program("connectycube_exporter_config_last_reload_successful")+")")),
		at(4, word("State file", "Could the state be written? Without --state.file there is none, and a restart begins anew.",
			"None", map[int]state{0: {"Not written", orange}, 1: {"Written", green}},
			"min("+program("connectycube_exporter_state_last_write_successful")+")")))

	b.row("Requests to the API", "")
	b.line(8,
		at(12, lines("Requests by endpoint and code", "API requests a minute; those of dialogs are dashed. Anything but 2..: the runbook says what to do.",
			"short", "No data yet", append(codes(), look{series: "/^dialogs/", dashed: true}),
			query{perSecond("connectycube_api_requests_total", "endpoint, code") + " * 60", "{{endpoint}} {{code}}"})),
		at(12, lines("Requests in an hour against the budget", "Of the application with the most, over the last hour. The dashed line is what the defaults take at most, full scans aside: "+
			"well above it, a full scan runs or the settings ask for more.",
			"short", "No data yet", nil,
			query{"max(" + hourly("application") + ") * 3600", "requests"}).
			Thresholds(steps("transparent", from(budget, orange))).
			ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))))
	b.line(8,
		at(8, latency()),
		at(8, lines("Waiting", "Seconds that requests wait in each second: for the rate limit, a free place, or the end of a pause that the API asked for. "+
			"Much and steady: raise --api.rate-limit, or count less.",
			"none", "No data yet", []look{{series: "waiting", color: sky}},
			query{"sum(rate(" + of("connectycube_api_wait_seconds_total") + "[$__rate_interval]))", "waiting"})),
		at(8, lines("Rate limit in effect", "Requests a second that are allowed now; the lowest of the applications. 429s halve it, and it recovers slowly. Low for hours: another client uses up the quota.",
			"reqps", "The rate limit is lifted", []look{{series: "limit", color: sky, thick: true}},
			query{"min(" + of("connectycube_api_rate_limit_requests_per_second") + " < Inf)", "limit"})))
	b.line(8,
		at(8, lines("Retries", "Requests a minute that were sent again, by why. Some are harmless; many make everything late.",
			"short", "No retries", append(codes(), look{series: "/^dialogs/", dashed: true}),
			query{perSecond("connectycube_api_retries_total", "endpoint, reason") + ` * 60
or
label_replace(0 * max(` + of("connectycube_up") + `), "reason", "none", "", "")`, "{{endpoint}} {{reason}}"})),
		at(8, lines("Clock skew", "The API's clock minus the exporter's. More than a minute makes ages wrong: mend the clock of the machine.",
			"s", "No data yet", []look{{series: "skew", color: sky}},
			query{"max(" + of("connectycube_api_clock_skew_seconds") + ")", "skew"})),
		at(8, grid("Filters of the API", "Which filters the API was seen to honour on a known row. What needs one that it does not honour is absent, not wrong.",
			"No data yet: there is no row to prove a filter on", [][2]string{{"endpoint", "Endpoint"}, {"filter", "Filter"}},
			column{expr: "min by (endpoint, filter) (" + of("connectycube_api_filter_supported") + ")", title: "Honoured", unit: "none", width: 110,
				states: map[int]state{0: {"No", orange}, 1: {"Yes", green}}}).
			OverrideByName("Endpoint", []dashboard.DynamicConfigValue{property("custom.width", 90)}).
			OverrideByName("Filter", []dashboard.DynamicConfigValue{property("custom.width", 180)})))

	b.row("Collectors", "")
	b.line(8,
		at(8, freshness()),
		at(8, lines("Duration of a refresh", "Of the slowest application, waiting for the rate limit included. The first of mutes and activity are long; all the time near the interval: too much is asked for.",
			"s", "No data yet", collectors(),
			query{"max by (collector) (" + of("connectycube_collector_duration_seconds") + ")", "{{collector}}"})),
		at(8, timeline("Did the latest refresh succeed?", "A collector fails alone. The log and the status page say why.",
			"No data yet", lane{query{"min by (application, collector) (" + of("connectycube_collector_success") + ")", "{{application}} {{collector}}"}, "/./",
				map[int]state{0: {"Failed", orange}, 1: {"Succeeded", green}}})))
	b.line(7, scan()...)
	b.line(7,
		at(8, lines("Age of each window's count", "Seconds since the end of the window that was counted last. Long windows are counted less often: a thirtieth of their length, hourly at least.",
			"s", "No data yet", append(windowsLooks(), look{series: "15m", color: purple}, look{series: "6h", color: blue}),
			query{"time() - min by (window) (" + of("connectycube_window_end_timestamp_seconds") + ")", "{{window}}"})),
		at(8, fact("Since the latest reload", "Time since a configuration was taken over: the start, or a reload that succeeded.",
			"s", query{"time() - max(" + program("connectycube_exporter_config_last_reload_success_timestamp_seconds") + ")", "ago"}).Decimals(0)),
		at(8, fact("Since the latest write of the state", "Nothing is written while nothing changes; minutes are usual with --state.file.",
			"s", query{"time() - max(" + program("connectycube_exporter_state_last_write_success_timestamp_seconds") + ")", "ago"}).Decimals(0)))

	b.row("The process", "")
	b.line(7,
		at(6, lines("Memory", "Resident memory. Some 20 MB, and what a scan of millions of dialogs needs; growing for days: report it.",
			"bytes", "No data yet", nil, query{process("process_resident_memory_bytes"), "{{instance}}"})),
		at(6, lines("Processor", "Share of one core.", "percentunit", "No data yet", nil,
			query{"rate(" + program("process_cpu_seconds_total") + "[$__rate_interval]) and on (job, instance) " + program("connectycube_exporter_build_info"), "{{instance}}"})),
		at(6, lines("Goroutines", "Rising for days: report it.", "short", "No data yet", nil, query{process("go_goroutines"), "{{instance}}"})),
		at(6, lines("Duration of a scrape", "A scrape reads memory and asks nothing of the API. Near the scrape timeout: the machine is too busy.",
			"s", "No data yet", nil,
			query{process("scrape_duration_seconds"), "{{instance}}"})))
	return b
}

// hourly is the rate of requests over the last hour.
func hourly(by string) string {
	sum := "sum(rate(" + of("connectycube_api_requests_total") + "[$__rate_interval]))"
	if by != "" {
		sum = perSecond("connectycube_api_requests_total", by)
	}
	return "avg_over_time((" + sum + ")[1h:1m])"
}

// latency is of native histograms where Prometheus scrapes them, else of classic
// ones.
func latency() cog.Builder[dashboard.Panel] {
	quantile := func(q float64) string {
		rate := "rate(" + of("connectycube_api_request_duration_seconds") + "[$__rate_interval])"
		classic := "rate(" + of("connectycube_api_request_duration_seconds_bucket") + "[$__rate_interval])"
		return fmt.Sprintf("histogram_quantile(%v, sum by (endpoint) (%s))\nor\nhistogram_quantile(%v, sum by (endpoint, le) (%s))", q, rate, q, classic)
	}
	return lines("Latency of the API",
		"Half of the requests take less than the first, one in twenty more than the second. Rising together with failures: the trouble is ConnectyCube's, or on the way there.",
		"s", "No data yet",
		[]look{{series: "dialogs 50 %", color: sky}, {series: "dialogs 95 %", color: sky, dashed: true},
			{series: "messages 50 %", color: orange}, {series: "messages 95 %", color: orange, dashed: true},
			{series: "dialog 50 %", color: green}, {series: "dialog 95 %", color: green, dashed: true}},
		query{quantile(0.5), "{{endpoint}} 50 %"}, query{quantile(0.95), "{{endpoint}} 95 %"})
}

// freshness is how late each collector is.
func freshness() cog.Builder[dashboard.Panel] {
	return lines("Age of each collector's numbers",
		"Of the application that is latest, in intervals of the collector: 1 is usual, and from 3 on values begin to disappear. The first activity and mutes take longer.",
		"none", "No data yet", collectors(),
		query{"max by (collector) ((time() - " + of("connectycube_collector_last_success_timestamp_seconds") + ") / " + of("connectycube_collector_interval_seconds") + ")",
			"{{collector}}"}).
		Thresholds(steps("transparent", from(3, orange))).
		ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
}

// versions names each version once.
func versions() cog.Builder[variants.Dataquery] {
	return prometheus.NewDataqueryBuilder().RefId(refID(0)).Datasource(source()).EditorMode(prometheus.QueryEditorModeCode).
		Expr("max by (version) (" + program("connectycube_exporter_build_info") + ")").LegendFormat("{{version}}").Instant()
}
