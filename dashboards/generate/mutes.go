package main

const mutesUID = "connectycube-mutes"

// mutesAndDialogs answers: what do people turn away from, and what is never used?
func mutesAndDialogs() *board {
	b := newBoard("mutes-and-dialogs.json", mutesUID, "Mutes and dialogs",
		"What do people mute, delete and never use, and how fresh is that? Sums are left out while a chosen application is missing.", "7d")
	tile := func(metric, whole, name string) query {
		return query{share(amount(current(metric)), amount(current(whole)), of(metric)), name}
	}
	b.line(5,
		at(4, mutedShare()),
		at(4, number("Muting users", "Users who muted at least one dialog; who does so in two applications counts twice. Set it against your active users.",
			"short", query{sum(each(current("connectycube_muting_users")), of("connectycube_muting_users")), "users"})),
		at(4, number("Deleted by users", "Dialogs that at least one user deleted on his side, over all; and deletions over memberships that are left. Rising: unwanted dialogs.",
			"percentunit", tile("connectycube_deleted_dialogs", "connectycube_dialogs", "of dialogs"),
			tile("connectycube_dialog_deletions", "connectycube_dialog_members", "of members")).Decimals(1)),
		at(4, number("Never used", "Dialogs without any message ever, over all. High: dialogs are made before anybody has something to say.",
			"percentunit", tile("connectycube_unused_dialogs", "connectycube_dialogs", "of dialogs")).Decimals(1)),
		at(4, number("Encrypted", "Dialogs with end-to-end encryption, over all. Not what you expect: look at which versions of the app create dialogs.",
			"percentunit", tile("connectycube_encrypted_dialogs", "connectycube_dialogs", "of dialogs")).Decimals(1)),
		at(4, fact("Latest full scan", "Time since the end of the oldest full scan. Members, unused and encrypted dialogs are as old; mutes are looked at in between.",
			"s", query{"time() - min(" + each(of("connectycube_dialog_scan_last_full_timestamp_seconds")) + ")", "ago"}).Decimals(0)))

	b.row("Mutes", "")
	b.line(9,
		at(12, chart("Share of dialogs that are muted, by type", "Groups above the rest is usual. A jump after a release: look at what it notifies about.",
			"percentunit", unscanned, dialogTypes(), shareByType("connectycube_muted_dialogs", "connectycube_dialogs"))),
		at(12, chart("Mutes over memberships, by type", "The same for people: of all memberships, how many are muted? Public dialogs list no members.",
			"percentunit", unscanned, dialogTypes(), shareByType("connectycube_dialog_mutes", "connectycube_dialog_members"))))
	b.line(8,
		at(8, chart("Muted dialogs by type", "How many dialogs somebody muted. If these rise and the share does not, it is growth, no annoyance.",
			"short", unscanned, dialogTypes(), countByType("connectycube_muted_dialogs"))),
		at(8, chart("Mutes by type", "Pairs of a user and a dialog that he muted. Rising faster than muted dialogs: many mute the same few; find them with the command export.",
			"short", unscanned, dialogTypes(), countByType("connectycube_dialog_mutes"))),
		at(8, chart("Muting users", "Users who muted at least one dialog. Mutes rising and this not: a few people mute everything.",
			"short", unscanned, []look{{series: "users", color: sky, thick: true}},
			query{sum(each(of("connectycube_muting_users")), of("connectycube_muting_users")), "users"})))

	b.row("Dialogs", "")
	b.line(8,
		at(8, chart("Dialogs that a user deleted, by type", "Dialogs that at least one user deleted on his side; they are still stored.",
			"short", unscanned, dialogTypes(), countByType("connectycube_deleted_dialogs"))),
		at(8, chart("Deletions by type", "Pairs of a user and a dialog that he deleted on his side. A jump in private ones: look for unwanted messages.",
			"short", unscanned, dialogTypes(), countByType("connectycube_dialog_deletions"))),
		at(8, chart("Memberships by type", "Sum of the members of all dialogs, the base of the shares above. A step in groups: members were added or removed by a program.",
			"short", unscanned, dialogTypes(), countByType("connectycube_dialog_members"))))
	b.line(8,
		at(12, chart("Share of dialogs never used, by type", "Dialogs without any message ever. Decide whether the app should create them later.",
			"percentunit", unscanned, dialogTypes(), shareByType("connectycube_unused_dialogs", "connectycube_dialogs"))),
		at(12, chart("Share of dialogs that are encrypted, by type", "End-to-end encryption. Where it should be everywhere, less than 100 % is a fault of the app.",
			"percentunit", unscanned, dialogTypes(), shareByType("connectycube_encrypted_dialogs", "connectycube_dialogs"))))

	b.row("How fresh, how complete", "")
	b.line(7, scan()...)
	b.line(7,
		at(8, chart("Age of the latest full scan", "Falls to nothing when a full scan ends. Rising beyond --scan.full-interval: a scan takes long, or fails.",
			"s", unscanned, []look{{series: "age", color: sky}},
			query{"time() - min(" + each(of("connectycube_dialog_scan_last_full_timestamp_seconds")) + ")", "age"})),
		at(8, chart("Mutes that did not move updated_at", "Dialogs that the latest full scan found with other mutes although updated_at had not moved. "+
			"Not 0: between full scans mutes are too old; shorten --scan.full-interval.",
			"short", "No data yet: known after the second full scan", []look{{series: "dialogs", color: sky}},
			query{"sum(" + each(of("connectycube_dialog_scan_drift_dialogs")) + ")", "dialogs"})),
		at(8, chart("Dialogs that the API counts but does not list", "Rows that were missing in the latest full scan, beside those that it read. Not 0: so many dialogs lack in all numbers of this board.",
			"short", unscanned, []look{{series: "missing", color: vermillion}, {series: "read", color: grey, right: true}},
			query{"sum(" + each(of("connectycube_dialog_scan_missing_rows")) + ")", "missing"},
			query{"sum(" + each(of("connectycube_dialog_scan_rows")) + ")", "read"})))
	return b
}

// scan is how far the full scan is.
func scan() []cell {
	const idle = "No scan is running, or no data yet"
	return []cell{
		at(8, chart("Full scan: progress", "Share of all dialogs that the running full scan has read; 100 % between two scans. Standing still: look at the API.",
			"percentunit", nothingYet, []look{{series: "progress", color: sky, thick: true}},
			query{"min(" + each(of("connectycube_dialog_scan_progress_ratio")) + ")", "progress"}).Min(0).Max(1)),
		at(8, chart("Full scan: speed", "Dialogs a second. Half of the rate limit is the most that a scan takes, at a hundred dialogs a request; raise --api.rate-limit to go faster.",
			"short", idle, []look{{series: "dialogs a second", color: sky}},
			query{"sum(" + each(of("connectycube_dialog_scan_rows_per_second")) + ")", "dialogs a second"})),
		at(8, fact("Full scan: done in", "Time that the running full scan still needs. The mutes of a new application are shown when it ends.",
			"s", query{"max(" + of("connectycube_dialog_scan_estimated_end_timestamp_seconds") + ") - time()", "left"}).Decimals(0).
			NoValue(idle).Mappings(mapped(idle, nil))),
	}
}

func countByType(metric string) query {
	return query{sum(byType(of(metric)), of(metric), "dialog_type"), "{{dialog_type}}"}
}

// shareByType divides over the applications that have both of a type.
func shareByType(part, whole string) query {
	both := func(a, b string) string {
		return "sum by (dialog_type) (" + byType(of(a)) + " and on (application, dialog_type) " + byType(of(b)) + ")"
	}
	return query{both(part, whole) + "\n/\n(" + both(whole, part) + " > 0)", "{{dialog_type}}"}
}
