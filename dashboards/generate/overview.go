package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const (
	overviewUID = "connectycube-overview"

	unscanned = "No data yet: the first full scan of all dialogs has to end (--collector.mutes)"
	unlearnt  = "No data yet: what is normal is known within a quarter of an hour (--collector.activity)"
	noDay     = "No data yet (needs 1d among --windows)"
	noMonth   = "No data yet (needs 30d among --windows)"
)

// overview answers: how is our chat doing?
func overview() *board {
	b := newBoard("chat-overview.json", overviewUID, "Chat overview",
		"How is our chat doing? Numbers of all chosen applications together; they are left out while one of these is missing.", "7d")
	b.line(5,
		at(4, messagesOfDay()), at(4, newDialogsOfDay()), at(4, activeOfDay()),
		at(4, growth()), at(4, mutedShare()), at(4, newestMessage()))
	b.line(10, at(24, againstNormal("Messages in an hour", "1h",
		"Each point is the hour that ends there. Far below the dashed line for more than a few points: open the board Is chat broken? "+
			"The shaded bound is there while just one application is chosen: at or below it messages are too few. It is missing where that cannot be judged.")))
	b.line(6, at(24, applications()))

	b.row("How it develops", "")
	b.line(8,
		at(12, againstNormal("Messages in 24 hours", "1d",
			"The same for whole days, without the shape of the day. A slow decline shows here first.")),
		at(12, history("New dialogs in 24 hours",
			"Fewer than a week before, day after day: people begin to talk less. Look at what brings them together.",
			"short", noDay, []look{{series: "new dialogs", color: sky, thick: true}, {series: "a week before", color: grey, dashed: true}},
			query{sum(each(past("connectycube_new_dialogs", window("1d"))), of("connectycube_new_dialogs", window("1d"))), "new dialogs"},
			query{sum(each(weekBefore("connectycube_new_dialogs", window("1d"))), of("connectycube_new_dialogs", window("1d"))), "a week before"})))
	b.line(8,
		at(8, pace("Pace of messages", "messages", `window=~"1h|1d|7d|30d"`, 3600,
			"Messages an hour, taken over the last hour, day, week and month. Shorter above longer: it speeds up. The last hour has the shape of the day.")),
		at(8, pace("Pace of dialogs", "dialogs", `window=~"1d|7d|30d"`, 86400,
			"New dialogs a day, taken over the last day, week and month. Shorter below longer for weeks: growth fades.")),
		at(8, history("Growth in 30 days",
			"New in the last 30 days over all that is older, of the application that grows most. Deletions do not lower it; the totals show them.",
			"percentunit", noMonth, []look{{series: "messages", color: sky}, {series: "dialogs", color: orange}},
			query{"max(" + past("connectycube_messages_growth_ratio", window("30d")) + ")", "messages"},
			query{"max(" + past("connectycube_dialogs_growth_ratio", window("30d")) + ")", "dialogs"})))
	b.line(8,
		at(8, bridge(level("Stored messages",
			"All messages that the API has. A step down: messages were deleted for good. Ask whether that was meant.",
			"short", nothingYet, []look{{series: "messages", color: sky, thick: true}},
			query{sum(each(past("connectycube_messages")), of("connectycube_messages")), "messages"}))),
		at(8, history("Stored dialogs by type",
			"All dialogs that the API has, by what they are: which kind carries the growth.",
			"short", nothingYet, dialogTypes(),
			query{sum(byType(past("connectycube_dialogs")), of("connectycube_dialogs"), "dialog_type"), "{{dialog_type}}"})),
		at(8, chart("Share of dialogs that are alive",
			"Dialogs with a message in the last day, week and month, over all. It falls with age, since old dialogs stay; a sudden fall is news.",
			"percentunit", nothingYet, windows(), alive("1d"), alive("7d"), alive("30d"))))
	b.line(8,
		at(8, chart("Mutes",
			"Dialogs that somebody muted, and users who muted one. Rising faster than dialogs: people are told too much.",
			"short", unscanned, []look{{series: "muted dialogs", color: sky}, {series: "muting users", color: orange}},
			query{sum(amount(of("connectycube_muted_dialogs")), of("connectycube_muted_dialogs")), "muted dialogs"},
			query{sum(each(of("connectycube_muting_users")), of("connectycube_muting_users")), "muting users"})),
		at(8, touched("Messages touched in 24 hours", "messages",
			"Messages with updated_at in the last 24 hours against new ones: what lies between are older messages that were edited or read. "+
				"New ones without such: people write, and nobody reads.")),
		at(8, touched("Dialogs touched in 24 hours", "dialogs",
			"Dialogs that are new, that had a message, and that changed in any way. Changes without messages are renames, members, mutes.",
			query{sum(each(of("connectycube_active_dialogs", window("1d"))), of("connectycube_active_dialogs", window("1d"))), "with a message"})))
	return b
}

// pace is the growth over several windows, in so many seconds.
func pace(title, rows, which string, seconds int, description string) cog.Builder[dashboard.Panel] {
	metric := "connectycube_" + rows + "_growth_per_second"
	return history(title, description, "short", nothingYet, windows(),
		query{fmt.Sprintf("%s * %d", sum(each(past(metric, which), "window"), of(metric, which), "window"), seconds), "{{window}}"})
}

func alive(name string) query {
	active := of("connectycube_active_dialogs", window(name))
	return query{share(each(active), amount(of("connectycube_dialogs")), active), name}
}

func touched(title, rows, description string, more ...query) cog.Builder[dashboard.Panel] {
	count := func(what string) string {
		metric, day := "connectycube_"+what+"_"+rows, window("1d")
		return sum(each(past(metric, day)), of(metric, day))
	}
	return history(title, description, "short", noDay,
		[]look{{series: "new", color: sky}, {series: "with a message", color: green}, {series: "new or changed", color: orange}},
		append([]query{{count("new"), "new"}, {count("updated"), "new or changed"}}, more...)...)
}

func messagesOfDay() cog.Builder[dashboard.Panel] {
	metric, day := "connectycube_activity_messages", window("1d")
	expected := "(" + each(current("connectycube_activity_expected_messages", day)) + " > 0)"
	return number("Messages, 24 h",
		"Stored messages of the last 24 hours, and what share that is of what is normal for them. Below half is what the alerts look for.",
		"short",
		query{sum(each(current("connectycube_new_messages", day)), of("connectycube_new_messages", day)), "messages"},
		query{share(each(current(metric, day)), expected, of(metric, day)), "of normal"}).
		OverrideByName("of normal", percent(0))
}

func newDialogsOfDay() cog.Builder[dashboard.Panel] {
	metric, day := "connectycube_new_dialogs", window("1d")
	return number("New dialogs, 24 h",
		"Dialogs created in the last 24 hours, and what share that is of the same 24 hours a week before. Far below: look at sign-ups first.",
		"short",
		query{sum(each(current(metric, day)), of(metric, day)), "dialogs"},
		query{share(each(current(metric, day)), each(weekBefore(metric, day)), of(metric, day)), "of last week"}).
		OverrideByName("of last week", percent(0))
}

func activeOfDay() cog.Builder[dashboard.Panel] {
	metric, day := "connectycube_active_dialogs", window("1d")
	return number("Active dialogs, 24 h",
		"Dialogs with a message in the last 24 hours, and their share of all dialogs. Messages without these falling: fewer people, not fewer dialogs, write.",
		"short",
		query{sum(each(current(metric, day)), of(metric, day)), "dialogs"},
		query{share(each(current(metric, day)), amount(current("connectycube_dialogs")), of(metric, day)), "of all"}).
		OverrideByName("of all", percent(1))
}

func growth() cog.Builder[dashboard.Panel] {
	ratio := func(rows, total string) string {
		metric := "connectycube_new_" + rows
		created := each(current(metric, window("30d")))
		return share(created, "("+total+" - "+created+")", of(metric, window("30d")))
	}
	return number("Growth, 30 d",
		"What was created in the last 30 days over all that is older, of all chosen applications together. Compare it with what you plan.",
		"percentunit",
		query{ratio("messages", each(current("connectycube_messages"))), "messages"},
		query{ratio("dialogs", amount(current("connectycube_dialogs"))), "dialogs"}).
		Decimals(1)
}

func mutedShare() cog.Builder[dashboard.Panel] {
	muted, mutes := "connectycube_muted_dialogs", "connectycube_dialog_mutes"
	return number("Muted",
		"Dialogs that at least one member muted, over all; and mutes over memberships. (Public dialogs list no members, so the second is a little high.) "+
			"Rising: people are told too much.",
		"percentunit",
		query{share(amount(current(muted)), amount(current("connectycube_dialogs")), of(muted)), "of dialogs"},
		query{share(amount(current(mutes)), amount(current("connectycube_dialog_members")), of(mutes)), "of members"}).
		Decimals(1)
}

func newestMessage() cog.Builder[dashboard.Panel] {
	missing, bound := of("connectycube_activity_silence_expected_messages"), of("connectycube_activity_silence_bound_messages")
	return fact("Newest message",
		"How long ago the newest message was stored, of the application that is silent for longest; and how near the worst silence is to its alarm. "+
			"At 100 % the alert is about to fire.",
		"s",
		query{"time() - min(" + each(of("connectycube_last_message_timestamp_seconds")) + ")", "ago"},
		query{"max(" + missing + " / (" + bound + " > 0))", "of the alarm"}).
		Decimals(0).
		OverrideByName("of the alarm", append(percent(0), property("color", map[string]any{"mode": "thresholds"}),
			property("thresholds", map[string]any{"mode": "absolute", "steps": []map[string]any{
				{"value": nil, "color": sky}, {"value": 1, "color": vermillion}}})))
}

// againstNormal adds up messages of a window and what is normal for it, of the
// applications of which both are known, or where nothing is normal yet. The bound
// is that of one application: bounds cannot be added up.
func againstNormal(title, name, description string) cog.Builder[dashboard.Panel] {
	metric, w := "connectycube_activity_messages", window(name)
	messages := each(past(metric, w))
	expected := each(past("connectycube_activity_expected_messages", w))
	return history(title, description, "short", unlearnt, judgement(),
		query{either(sum(messages+" and on (application) "+expected, of(metric, w)), sum(messages, of(metric, w))), "messages"},
		query{sum(expected+" and on (application) "+messages, of(metric, w)), "normal"},
		query{fmt.Sprintf("max(%s >= 0)\nand on ()\n((count(%s) or count(%s)) == 1)",
			each(past("connectycube_activity_lower_bound_messages", w)), watched(), messages), "too few"})
}

func applications() cog.Builder[dashboard.Panel] {
	zero, one := cog.ToPtr(0.0), cog.ToPtr(1.0)
	return grid("Applications",
		"Each application now: what is wrong with it, if anything, and its numbers. Its name leads to the board that judges it.",
		[][2]string{{"application", "Application"}},
		column{expr: verdict(), title: "Verdict", unit: "none", words: verdictWords(), width: 190},
		column{expr: "time() - " + each(of("connectycube_last_message_timestamp_seconds")), title: "Newest", unit: "s", decimals: zero, width: 85},
		column{expr: each(of("connectycube_new_messages", window("1d"))), title: "Messages 24 h", unit: "short", width: 120},
		column{expr: each(of("connectycube_activity_messages", window("1d"))) + " / (" + each(of("connectycube_activity_expected_messages", window("1d"))) + " > 0)",
			title: "Of normal", unit: "percentunit", decimals: zero, width: 90},
		column{expr: each(of("connectycube_new_dialogs", window("1d"))), title: "Dialogs 24 h", unit: "short", width: 110},
		column{expr: each(of("connectycube_messages")), title: "Messages", unit: "short", width: 95},
		column{expr: amount(of("connectycube_dialogs")), title: "Dialogs", unit: "short", width: 85},
		column{expr: each(of("connectycube_dialogs_growth_ratio", window("30d"))), title: "Dialogs +30 d", unit: "percentunit", decimals: one, width: 120},
		column{expr: amount(of("connectycube_muted_dialogs")) + " / " + amount(of("connectycube_dialogs")), title: "Muted", unit: "percentunit", decimals: one, width: 80}).
		OverrideByName("Application", []dashboard.DynamicConfigValue{openBroken(), property("custom.minWidth", 110)}).
		SortBy([]cog.Builder[common.TableSortByFieldState]{common.NewTableSortByFieldStateBuilder().DisplayName("Verdict").Desc(true)})
}
