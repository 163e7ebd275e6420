package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// brokenUID stands in every alert's dashboard_url.
const brokenUID = "connectycube-broken"

// isChatBroken answers: is it the chat, the API or the exporter?
func isChatBroken() *board {
	b := newBoard("is-chat-broken.json", brokenUID, "Is chat broken?",
		"Is it the chat, ConnectyCube's API, or the exporter? Every alert leads here.", "24h")
	b.line(5,
		at(4, word("1. Exporter", "Does Prometheus reach the exporter? If not, nothing to the right is known: look at its process and its log.",
			"No exporter found", scrapeStates(), "max("+scraped()+")")),
		at(4, word("2. API", "Does ConnectyCube's API answer? If not, the chat may well work: send a message yourself. Codes and latency are below.",
			"Unknown", apiStates(), "max("+api()+")")),
		at(4, word("3. Numbers", "Are all numbers as new as they should be? Old ones say nothing about now. Which collector it is stands below.",
			"Unknown", freshStates(), "max("+fresh()+")")),
		at(6, word("4. Chat", "The worst of the chosen applications at the latest evaluation. Silent or Too few messages, and 1 to 3 are well: it is the chat. "+
			"The alerts wait for a second and a third evaluation.",
			"Unknown", chatStates(), "max("+chat()+")")),
		at(6, newestMessage()))
	b.line(8,
		at(18, timeline("When did what begin?", "The same four over time, so that you see which was first. The first in time is the cause more often than the worst.",
			"No data yet",
			lane{query{scraped(), "Exporter {{instance}}"}, "/^Exporter/", scrapeStates()},
			lane{query{api(), "API {{application}}"}, "/^API/", apiStates()},
			lane{query{fresh(), "Numbers {{application}}"}, "/^Numbers/", freshStates()},
			lane{query{chat(), "Chat {{application}}"}, "/^Chat/", chatStates()})),
		at(6, words("How to read this", "The order of questions.",
			"Read 1 to 4 from the left. **The first that is not green is the problem**, and what is right of it is not known.\n\n"+
				"All green and people complain? Send a message yourself: this board sees only messages that are stored.\n\n"+
				"What to do stands in the [runbook](https://github.com/connectycube-exporter/connectycube_exporter/blob/main/alerts/RUNBOOK.md).")))

	b.row("$application", "application")
	b.line(8, at(12, judged("Last 15 minutes", "15m")), at(12, judged("Last hour", "1h")))
	b.line(8, at(12, judged("Last 6 hours", "6h")), at(12, judged("Last 24 hours", "1d")))
	b.line(8,
		at(8, lines("Silence since the newest message",
			"What would normally have come since the newest message, in messages, so that a night weighs little. At or above the bound it is no ordinary silence. "+
				"No bound: it cannot be judged.",
			"short", "No data yet", []look{{series: "missing", color: sky, thick: true}, {series: "too many", color: vermillion, dashed: true}},
			query{each(of("connectycube_activity_silence_expected_messages")), "missing"},
			query{each(of("connectycube_activity_silence_bound_messages") + " >= 0"), "too many"})),
		at(8, lines("How unusual",
			"How many spreads of hours like this one the messages lie below normal. An alert needs 4, and fewer than half of normal. Below 0: more than normal.",
			"none", "Cannot be judged", []look{{series: "15m", color: grey}, {series: "1h", color: sky}, {series: "6h", color: orange}, {series: "1d", color: green}},
			query{each(of("connectycube_activity_drop_score"), "window"), "{{window}}"}).
			Thresholds(steps("transparent", from(4, vermillion))).
			ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))),
		at(8, lines("Messages as they are counted",
			"Messages a minute, each counted once, without judgement. After an outage of the exporter or the API there is one high point: what was missed, counted at once.",
			"short", "No data yet", []look{{series: "messages a minute", color: sky}},
			query{each("rate("+of("connectycube_messages_created_total")+"[$__rate_interval])") + " * 60", "messages a minute"},
		).Interval("5m")))
	b.line(7, at(16, byWindow()),
		at(4, fact("Ready to judge", "Share of the past that is known of what the judgement needs. Nothing is judged before it was 100 %, within a quarter of an hour of the first start.",
			"percentunit", query{"min(" + of("connectycube_activity_history_ready_ratio") + ")", "known"}).Decimals(0)),
		at(4, fact("Left of last week", "A week of messages counted again, over what was counted first. Below 100 %: so many were deleted for good since.",
			"percentunit", query{"min(" + of("connectycube_activity_recount_ratio") + ")", "left"}).Decimals(1)))
	b.line(4,
		at(8, word("Holiday", "On a listed holiday nothing is judged. Lists: --activity.holidays-file, or holidays in the configuration file.",
			"Unknown", map[int]state{0: {"Not a holiday", grey}, 1: {"Holiday", purple}}, "max("+of("connectycube_activity_holiday")+")")),
		at(8, fact("Judged up to", "Time since the end of the windows that were judged last. They end every five minutes.",
			"s", query{"time() - max(" + of("connectycube_activity_window_end_timestamp_seconds") + ")", "ago"}).Decimals(0)),
		at(8, number("New dialogs in 24 hours", "Do people still begin to talk? If dialogs come and messages do not, sending is what is broken.",
			"short", query{all(each(current("connectycube_new_dialogs", window("1d")))), "dialogs"})))

	b.row("The API and the exporter", "")
	b.line(8,
		at(8, lines("Requests that failed", "Failed API requests a minute, by what came. 401 and 403: the key. 429: the limit. 5..: ConnectyCube. Words: the way there, or an answer that cannot be understood.",
			"short", "No data yet", codes(),
			query{perSecond("connectycube_api_requests_total", "code", `code!~"2.."`) + ` * 60
or
label_replace(0 * max(` + of("connectycube_up") + `), "code", "none", "", "")`, "{{code}}"})),
		at(8, latency()),
		at(8, freshness()))
	b.line(8,
		at(12, lines("Clock skew", "The API's clock minus the exporter's. More than a minute makes ages wrong: mend the clock of the machine.",
			"s", "No data yet", []look{{series: "skew", color: sky}},
			query{"max(" + of("connectycube_api_clock_skew_seconds") + ")", "skew"})),
		at(12, lines("New dialogs as they are counted", "Dialogs an hour, each counted once.",
			"short", "No data yet", []look{{series: "dialogs an hour", color: sky}},
			query{"sum(" + each("rate("+of("connectycube_dialogs_created_total")+"[$__rate_interval])") + ") * 3600", "dialogs an hour"}).Interval("15m")))
	return b
}

// judged shows one window as it is judged.
func judged(title, name string) cog.Builder[dashboard.Panel] {
	return lines(title,
		"Messages of the window that ends at each point, what is normal for it, and the bound at or below which they are too few. "+
			"No bound: it cannot be judged at that time.",
		"short", "No data yet: the past is still being counted",
		[]look{
			{series: "messages", color: sky, thick: true},
			{series: "normal", color: grey, dashed: true},
			{series: "too few", color: vermillion, shaded: true},
		},
		query{each(latest("connectycube_activity_messages", window(name))), "messages"},
		query{each(latest("connectycube_activity_expected_messages", window(name))), "normal"},
		query{each(latest("connectycube_activity_lower_bound_messages", window(name)) + " >= 0"), "too few"})
}

func byWindow() cog.Builder[dashboard.Panel] {
	by := func(metric string) string { return each(of(metric), "window") }
	return grid("What is judged, and on what",
		"The latest evaluation. Weeks: the past ones compared with. Spread: variance of hours like this one over that of chance; the higher, the burstier.",
		"No data yet: the past is still being counted",
		[][2]string{{"window", "Window"}},
		column{expr: verdict(), title: "Verdict", unit: "none", width: 135, states: map[int]state{
			unjudged: {"Cannot be judged", grey}, well: {"Enough", green}, low: {"Too few", orange}}},
		column{expr: by("connectycube_activity_messages"), title: "Messages", unit: "short", width: 90},
		column{expr: by("connectycube_activity_expected_messages"), title: "Normal", unit: "short", decimals: cog.ToPtr(0.0), width: 80},
		column{expr: each(of("connectycube_activity_lower_bound_messages")+" >= 0", "window"), title: "Too few at", unit: "short", width: 90},
		column{expr: by("connectycube_activity_drop_score"), title: "Spreads below", unit: "none", decimals: cog.ToPtr(1.0), width: 115},
		column{expr: by("connectycube_activity_baseline_samples"), title: "Weeks", unit: "none", width: 70},
		column{expr: by("connectycube_activity_dispersion_ratio"), title: "Spread", unit: "none", decimals: cog.ToPtr(1.0), width: 80}).
		OverrideByName("Window", []dashboard.DynamicConfigValue{property("custom.width", 80)}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "filterFieldsByName", Options: map[string]any{
			"exclude": map[string]any{"names": []string{"application"}}}}).
		SortBy([]cog.Builder[common.TableSortByFieldState]{common.NewTableSortByFieldStateBuilder().DisplayName("Normal").Desc(false)})
}
