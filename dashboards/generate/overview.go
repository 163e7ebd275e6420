package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const overviewUID = "connectycube-overview"

// overview answers: how is our chat doing?
func overview() *board {
	b := newBoard("chat-overview.json", overviewUID, "Chat overview",
		"How is our chat doing? Numbers of all chosen applications together.", "7d")
	b.line(5,
		at(4, messagesOfDay()), at(4, newDialogsOfDay()), at(4, activeOfDay()),
		at(4, growth()), at(4, mutedShare()), at(4, newestMessage()))
	b.line(10, at(24, againstNormal("Messages in an hour", "1h",
		"Each point is the hour that ends there. Far below the dashed line for more than a few points: open the board Is chat broken? "+
			"The shaded bound is drawn while one application is chosen: at or below it messages are too few. It is missing where that cannot be judged.")))
	b.line(6, at(24, applications()))

	b.row("How it develops", "")
	b.line(8,
		at(12, againstNormal("Messages in 24 hours", "1d",
			"The same for whole days, without the shape of the day. A slow decline shows here first.")),
		at(12, lines("New dialogs in 24 hours",
			"Fewer than a week before, day after day: new users do not find each other any more.",
			"short", "No data yet", []look{{series: "new dialogs", color: sky, thick: true}, {series: "a week before", color: grey, dashed: true}},
			query{all(each(latest("connectycube_new_dialogs", window("1d")))), "new dialogs"},
			query{all(each(weekBefore("connectycube_new_dialogs", window("1d")))), "a week before"})))
	b.line(8,
		at(8, lines("Pace of messages",
			"Messages an hour, taken over the last hour, day, week and month. Shorter above longer: it speeds up. The last hour has the shape of the day.",
			"short", "No data yet", windowsLooks(),
			query{all(each(latest("connectycube_messages_growth_per_second", `window=~"1h|1d|7d|30d"`), "window"), "window") + " * 3600", "{{window}}"})),
		at(8, lines("Pace of dialogs",
			"New dialogs a day, taken over the last day, week and month.",
			"short", "No data yet", windowsLooks(),
			query{all(each(latest("connectycube_dialogs_growth_per_second", `window=~"1d|7d|30d"`), "window"), "window") + " * 86400", "{{window}}"})),
		at(8, lines("Growth in 30 days",
			"New in the last 30 days over all that is older, of the application that grows most. Deletions do not lower it; the totals beside it show them.",
			"percentunit", "No data yet", []look{{series: "messages", color: sky}, {series: "dialogs", color: orange}},
			query{"max(" + latest("connectycube_messages_growth_ratio", window("30d")) + ")", "messages"},
			query{"max(" + latest("connectycube_dialogs_growth_ratio", window("30d")) + ")", "dialogs"})))
	b.line(8,
		at(8, level("Stored messages",
			"All messages that the API has. A step down: messages were deleted for good. Ask whether that was meant.",
			"short", "No data yet", []look{{series: "messages", color: sky, thick: true}},
			query{all(each(latest("connectycube_messages"))), "messages"})),
		at(8, lines("Stored dialogs by type",
			"All dialogs that the API has, by what they are: which kind carries the growth.",
			"short", "No data yet", dialogTypes(),
			query{all(each(latest("connectycube_dialogs"), "dialog_type"), "dialog_type"), "{{dialog_type}}"})),
		at(8, lines("Share of dialogs that are alive",
			"Dialogs with a message in the last day, week and month, over all. It falls with age, since old dialogs stay; a sudden fall is news.",
			"percentunit", "No data yet", windowsLooks(),
			query{all(each(of("connectycube_active_dialogs", `window=~"1d|7d|30d"`), "window"), "window") +
				"\n/ on () group_left ()\nsum(" + each(of("connectycube_dialogs"), "dialog_type") + ")", "{{window}}"})))
	b.line(8,
		at(8, lines("Mutes",
			"Dialogs that somebody muted, and users who muted one. Rising faster than dialogs: people are told too much.",
			"short", "No data yet: the first full scan of all dialogs has to end",
			[]look{{series: "muted dialogs", color: sky}, {series: "muting users", color: orange}},
			query{"sum(" + each(of("connectycube_muted_dialogs"), "dialog_type") + ")", "muted dialogs"},
			query{all(each(of("connectycube_muting_users"))), "muting users"})),
		at(8, lines("Messages touched in 24 hours",
			"Messages with updated_at in the last 24 hours against new ones: what lies between are older messages that were edited or read.",
			"short", "No data yet", []look{{series: "new", color: sky}, {series: "new or changed", color: orange}},
			query{all(each(of("connectycube_new_messages", window("1d")))), "new"},
			query{all(each(of("connectycube_updated_messages", window("1d")))), "new or changed"})),
		at(8, lines("Dialogs touched in 24 hours",
			"Dialogs that were created, that had a message, and that changed in any way. Changes without messages are renames, members, mutes.",
			"short", "No data yet", []look{{series: "new", color: sky}, {series: "with a message", color: green}, {series: "changed", color: orange}},
			query{all(each(of("connectycube_new_dialogs", window("1d")))), "new"},
			query{all(each(of("connectycube_active_dialogs", window("1d")))), "with a message"},
			query{all(each(of("connectycube_updated_dialogs", window("1d")))), "changed"})))
	return b
}

func windowsLooks() []look {
	return []look{{series: "1h", color: grey}, {series: "1d", color: sky}, {series: "7d", color: orange}, {series: "30d", color: green}}
}

func messagesOfDay() cog.Builder[dashboard.Panel] {
	return number("Messages, 24 h",
		"Stored messages of the last 24 hours, and what share that is of what is normal for them. Below half is what the alerts look for.",
		"short",
		query{all(each(current("connectycube_new_messages", window("1d")))), "messages"},
		query{normal("1d"), "of normal"}).
		OverrideByName("of normal", share(0))
}

func newDialogsOfDay() cog.Builder[dashboard.Panel] {
	now := all(each(current("connectycube_new_dialogs", window("1d"))))
	then := all(each(weekBefore("connectycube_new_dialogs", window("1d"))))
	return number("New dialogs, 24 h",
		"Dialogs created in the last 24 hours, and what share that is of the same 24 hours a week before.",
		"short", query{now, "dialogs"}, query{now + "\n/\n(" + then + " > 0)", "of last week"}).
		OverrideByName("of last week", share(0))
}

func activeOfDay() cog.Builder[dashboard.Panel] {
	active := all(each(current("connectycube_active_dialogs", window("1d"))))
	return number("Active dialogs, 24 h",
		"Dialogs with a message in the last 24 hours, and their share of all dialogs.",
		"short", query{active, "dialogs"},
		query{active + "\n/\n" + all(each(current("connectycube_dialogs"), "dialog_type")), "of all"}).
		OverrideByName("of all", share(1))
}

func growth() cog.Builder[dashboard.Panel] {
	ratio := func(kind, total string) string {
		created := all(each(current("connectycube_new_"+kind, window("30d"))))
		return created + "\n/\n(" + total + " - " + created + " > 0)"
	}
	return number("Growth, 30 d",
		"What was created in the last 30 days over all that is older, of all chosen applications together.",
		"percentunit",
		query{ratio("messages", all(each(current("connectycube_messages")))), "messages"},
		query{ratio("dialogs", all(each(current("connectycube_dialogs"), "dialog_type"))), "dialogs"}).
		Decimals(1)
}

func mutedShare() cog.Builder[dashboard.Panel] {
	sum := func(metric string) string { return all(each(current(metric), "dialog_type")) }
	return number("Muted",
		"Share of dialogs that at least one member muted, and of memberships that are muted. Rising: people are told too much.",
		"percentunit",
		query{sum("connectycube_muted_dialogs") + "\n/\n" + sum("connectycube_dialogs"), "of dialogs"},
		query{sum("connectycube_dialog_mutes") + "\n/\n(" + sum("connectycube_dialog_members") + " > 0)", "of members"}).
		Decimals(1)
}

func newestMessage() cog.Builder[dashboard.Panel] {
	return fact("Newest message",
		"How long ago the newest message of all chosen applications was stored, and how near the worst silence among them is to its alarm. "+
			"At 100 % the alert is about to fire.",
		"s",
		query{age(), "ago"},
		query{"max(" + of("connectycube_activity_silence_expected_messages") + " / (" + of("connectycube_activity_silence_bound_messages") + " > 0))", "of the alarm"}).
		Decimals(0).
		OverrideByName("of the alarm", append(share(0), property("color", map[string]any{"mode": "thresholds"}),
			property("thresholds", map[string]any{"mode": "absolute", "steps": []map[string]any{
				{"value": nil, "color": sky}, {"value": 1, "color": vermillion}}})))
}

// share shows a value as a percentage.
func share(decimals float64) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{property("unit", "percentunit"), property("decimals", decimals)}
}

// againstNormal shows messages of a window, what is normal for it, and the bound
// of one application: bounds cannot be added up.
func againstNormal(title, name, description string) cog.Builder[dashboard.Panel] {
	messages := each(latest("connectycube_activity_messages", window(name)))
	bound := each(latest("connectycube_activity_lower_bound_messages", window(name)) + " >= 0")
	return lines(title, description, "short", "No data yet: what is normal is known within a quarter of an hour",
		[]look{
			{series: "messages", color: sky, thick: true},
			{series: "normal", color: grey, dashed: true},
			{series: "too few", color: vermillion, shaded: true},
		},
		query{all(messages), "messages"},
		query{all(each(latest("connectycube_activity_expected_messages", window(name)))), "normal"},
		query{fmt.Sprintf("max(%s)\nand on ()\n(count(%s) == 1)", bound, messages), "too few"})
}

func applications() cog.Builder[dashboard.Panel] {
	byType := func(metric string) string { return all(each(of(metric), "dialog_type"), "application") }
	return grid("Applications",
		"Each application now. The state of the chat is that of the latest evaluation; its name leads to the board that judges it.",
		"No application yet: does Prometheus scrape the exporter?",
		[][2]string{{"application", "Application"}},
		column{expr: chat(), title: "Chat", unit: "none", states: chatStates(), width: 130},
		column{expr: api(), title: "API", unit: "none", states: apiStates(), width: 85},
		column{expr: watched(), title: "Exporter", unit: "none", states: scrapeStates(), width: 85},
		column{expr: fresh(), title: "Numbers", unit: "none", states: freshStates(), width: 85},
		column{expr: "time() - " + each(of("connectycube_last_message_timestamp_seconds")), title: "Newest", unit: "s", decimals: cog.ToPtr(0.0), width: 85},
		column{expr: each(of("connectycube_new_messages", window("1d"))), title: "Messages 24 h", unit: "short", width: 120},
		column{expr: each(of("connectycube_activity_messages", window("1d"))) + " / (" + each(of("connectycube_activity_expected_messages", window("1d"))) + " > 0)",
			title: "Of normal", unit: "percentunit", decimals: cog.ToPtr(0.0), width: 85},
		column{expr: each(of("connectycube_new_dialogs", window("1d"))), title: "Dialogs 24 h", unit: "short", width: 110},
		column{expr: each(of("connectycube_messages")), title: "Messages", unit: "short", width: 90},
		column{expr: byType("connectycube_dialogs"), title: "Dialogs", unit: "short", width: 80},
		column{expr: each(of("connectycube_dialogs_growth_ratio", window("30d"))), title: "Growth 30 d", unit: "percentunit", decimals: cog.ToPtr(1.0), width: 105},
		column{expr: byType("connectycube_muted_dialogs") + " / " + byType("connectycube_dialogs"), title: "Muted", unit: "percentunit", decimals: cog.ToPtr(1.0), width: 70}).
		OverrideByName("Application", []dashboard.DynamicConfigValue{openBroken(), property("custom.minWidth", 110)}).
		SortBy([]cog.Builder[common.TableSortByFieldState]{common.NewTableSortByFieldStateBuilder().DisplayName("Chat").Desc(true)})
}
