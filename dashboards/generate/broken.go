package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// brokenUID stands in every alert's dashboard_url.
const brokenUID = "connectycube-broken"

const reading = `**What is wrong** names the cause, for each application:

- *Chat is silent*, *too few messages*: it is the chat, whatever else fails. That was judged less than 15 minutes ago.
- *API…*, *Exporter…*, *Not watched*, *Numbers are old*: of the chat nothing is known. Send a message yourself.
- *Not judged now*: no news. So it is on holidays, with little traffic, or while the past is counted.

What to do stands in the [runbook](https://github.com/connectycube-exporter/connectycube_exporter/blob/main/alerts/RUNBOOK.md).`

// isChatBroken answers: is it the chat, the API or the exporter?
func isChatBroken() *board {
	b := newBoard("is-chat-broken.json", brokenUID, "Is chat broken?",
		"Is it the chat, ConnectyCube's API, or the exporter? Every alert leads here.", "24h")
	b.line(7,
		at(8, stateTiles("What is wrong?", "The cause, for each application. The alerts wait for a second and a third evaluation of the chat, so this is ahead of them.",
			"No exporter found", verdictWords(), verdict())),
		at(16, causes()))
	b.line(9,
		at(16, timeline("When did what begin?", "The same over time, so that you see what was first.", nothingYet,
			lane{query: query{scraped(), "Exporter {{instance}}"}, series: "/^Exporter/", words: exporterWords()},
			lane{query: query{fmt.Sprintf("%d - %d * %s", fails, fails-answers, each(of("connectycube_up"))), "API {{application}}"}, series: "/^API/", words: apiWords()},
			lane{query: query{fresh(), "Numbers {{application}}"}, series: "/^Numbers/", words: numbersWords()},
			lane{query: query{chat(), "Chat {{application}}"}, series: "/^Chat/", words: chatWords(), bridged: true})),
		at(8, markdown("How to read this", "What the words mean.", reading)))

	b.row("The API and the exporter", "")
	b.line(8, at(8, failedRequests()), at(8, latency()), at(8, freshness()))

	b.row("$application", "application")
	b.line(8, at(12, judged("Last 15 minutes", "15m")), at(12, judged("Last hour", "1h")))
	b.line(8, at(12, judged("Last 6 hours", "6h")), at(12, judged("Last 24 hours", "1d")))
	b.line(8,
		at(8, chart("Silence since the newest message",
			"What would normally have come since the newest message, in messages, so that a night weighs little. At or above the bound it is no ordinary silence. "+
				"No bound: it cannot be judged.",
			"short", unlearnt, []look{{series: "missing", color: sky, thick: true}, {series: "too many", color: vermillion, dashed: true}},
			query{each(of("connectycube_activity_silence_expected_messages")), "missing"},
			query{each(of("connectycube_activity_silence_bound_messages") + " >= 0"), "too many"})),
		at(8, history("How unusual",
			"How many spreads of hours like this one the messages lie below normal. An alert needs 4, and fewer than half of normal. Below 0: more than normal.",
			"none", unlearnt, windows(),
			query{each(past("connectycube_activity_drop_score"), "window"), "{{window}}"}).
			Thresholds(steps("transparent", from(4, vermillion))).
			ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))),
		at(8, chart("Messages as they are counted",
			"Messages a minute, each counted once, without judgement: did the line break off, or fade? After an outage of the exporter or the API there is one high point: "+
				"what was missed, counted at once.",
			"short", nothingYet, []look{{series: "messages a minute", color: sky}},
			query{each("rate("+of("connectycube_messages_created_total")+"[$__rate_interval])") + " * 60", "messages a minute"},
		).Interval("5m")))
	b.line(7, at(16, byWindow()),
		at(4, fact("Past that is known", "Share of what the judgement needs. Nothing is judged before it was 100 %, within a quarter of an hour of the first start.",
			"percentunit", query{"min(" + of("connectycube_activity_history_ready_ratio") + ")", "known"}).Decimals(0)),
		at(4, fact("Kept of a week", "A week of messages counted again, over what was counted first. Below 100 %: so many were deleted for good since; ask whether that was meant.",
			"percentunit", query{"min(" + of("connectycube_activity_recount_ratio") + ")", "kept"}).Decimals(1)))
	b.line(4,
		at(8, stateTile("Holiday", "On a listed holiday nothing is judged. Lists: --activity.holidays-file, or holidays in the configuration file.",
			unknown, map[int]wording{0: {"Not a holiday", grey}, 1: {"Holiday", purple}}, "max("+of("connectycube_activity_holiday")+")")),
		at(8, fact("Age of the judgement", "Time since the end of the windows that were judged last. They end every five minutes; after 15 the judgement counts no more.",
			"s", query{"time() - max(" + of("connectycube_activity_window_end_timestamp_seconds") + ")", "ago"}).Decimals(0)),
		at(8, number("New dialogs, 24 h", "Do people still begin to talk? If dialogs come and messages do not, sending is what is broken.",
			"short", query{"max(" + current("connectycube_new_dialogs", window("1d")) + ")", "dialogs"})))
	return b
}

// causes has each application with all that may be wrong.
func causes() cog.Builder[dashboard.Panel] {
	zero := cog.ToPtr(0.0)
	missing, bound := of("connectycube_activity_silence_expected_messages"), of("connectycube_activity_silence_bound_messages")
	return grid("Chat, API or exporter?",
		"All that is known of each application. Numbers: are they as new as they should be? Silence: how near to its alarm; at 100 % the alert is about to fire.",
		[][2]string{{"application", "Application"}},
		column{expr: shown(), title: "Exporter", unit: "none", words: exporterWords(), width: 100},
		column{expr: api(), title: "API", unit: "none", words: apiWords(), width: 110},
		column{expr: fresh(), title: "Numbers", unit: "none", words: numbersWords(), width: 90},
		column{expr: chat(), title: "Chat", unit: "none", words: chatWords(), width: 110},
		column{expr: "time() - " + each(of("connectycube_last_message_timestamp_seconds")), title: "Newest message", unit: "s", decimals: zero, width: 140},
		column{expr: each(missing + " / (" + bound + " > 0)"), title: "Silence", unit: "percentunit", decimals: zero, width: 90}).
		OverrideByName("Application", []dashboard.DynamicConfigValue{openBroken(), property("custom.minWidth", 110)}).
		SortBy([]cog.Builder[common.TableSortByFieldState]{common.NewTableSortByFieldStateBuilder().DisplayName("Chat").Desc(true)})
}

// judged shows one window as it is judged.
func judged(title, name string) cog.Builder[dashboard.Panel] {
	w := window(name)
	return history(title,
		"Messages of the window that ends at each point, what is normal for it, and the bound at or below which they are too few. "+
			"No bound: it cannot be judged at that time.",
		"short", unlearnt, judgement(),
		query{each(past("connectycube_activity_messages", w)), "messages"},
		query{each(past("connectycube_activity_expected_messages", w)), "normal"},
		query{each(past("connectycube_activity_lower_bound_messages", w) + " >= 0"), "too few"})
}

func byWindow() cog.Builder[dashboard.Panel] {
	by := func(metric string) string { return each(of(metric), "window") }
	zero, one := cog.ToPtr(0.0), cog.ToPtr(1.0)
	return grid("What is judged, and on what",
		"The latest evaluation. Score: how many spreads below normal. Weeks: the past ones compared with; fewer than three cannot judge. "+
			"Spread: variance of hours like this one over that of chance; the higher, the burstier, and the fewer windows can be judged.",
		[][2]string{{"window", "Window"}},
		column{expr: windowVerdict(), title: "Verdict", unit: "none", width: 110, words: map[int]wording{
			well: {"Enough", green}, unjudged: {"Not judged", grey}, low: {"Too few", orange}}},
		column{expr: by("connectycube_activity_messages"), title: "Messages", unit: "short", width: 95},
		column{expr: by("connectycube_activity_expected_messages"), title: "Normal", unit: "short", decimals: zero, width: 85},
		column{expr: each(of("connectycube_activity_lower_bound_messages")+" >= 0", "window"), title: "Too few at", unit: "short", width: 100},
		column{expr: by("connectycube_activity_drop_score"), title: "Score", unit: "none", decimals: one, width: 75},
		column{expr: by("connectycube_activity_baseline_samples"), title: "Weeks", unit: "none", width: 75},
		column{expr: by("connectycube_activity_dispersion_ratio"), title: "Spread", unit: "none", decimals: one, width: 80}).
		OverrideByName("Window", []dashboard.DynamicConfigValue{property("custom.width", 90)}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "filterFieldsByName", Options: map[string]any{
			"exclude": map[string]any{"names": []string{"application"}}}}).
		SortBy([]cog.Builder[common.TableSortByFieldState]{common.NewTableSortByFieldStateBuilder().DisplayName("Normal").Desc(false)})
}
