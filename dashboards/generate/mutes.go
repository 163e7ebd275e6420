package main

const (
	mutesUID  = "connectycube-mutes"
	unscanned = "No data yet: the first full scan of all dialogs has to end"
)

// mutesAndDialogs answers: what do people turn away from, and what is never used?
func mutesAndDialogs() *board {
	b := newBoard("mutes-and-dialogs.json", mutesUID, "Mutes and dialogs",
		"What do people mute, delete and never use, and how fresh is that?", "7d")
	sum := func(metric string) string { return all(each(current(metric), "dialog_type")) }
	b.line(5,
		at(4, mutedShare()),
		at(4, number("Muting users", "Users who muted at least one dialog. One user in two applications counts twice.",
			"short", query{all(each(current("connectycube_muting_users"))), "users"})),
		at(4, number("Deleted by users", "Share of dialogs that at least one user deleted for himself, and deletions over memberships that are left.",
			"percentunit",
			query{sum("connectycube_deleted_dialogs") + "\n/\n" + sum("connectycube_dialogs"), "of dialogs"},
			query{sum("connectycube_dialog_deletions") + "\n/\n(" + sum("connectycube_dialog_members") + " > 0)", "of members"}).Decimals(1)),
		at(4, number("Never used", "Share of dialogs without any message ever. High: dialogs are made before anybody has something to say.",
			"percentunit", query{sum("connectycube_unused_dialogs") + "\n/\n" + sum("connectycube_dialogs"), "of dialogs"}).Decimals(1)),
		at(4, number("Encrypted", "Share of dialogs with end-to-end encryption.",
			"percentunit", query{sum("connectycube_encrypted_dialogs") + "\n/\n" + sum("connectycube_dialogs"), "of dialogs"}).Decimals(1)),
		at(4, fact("As of", "Time since the end of the oldest full scan. Members, unused and encrypted dialogs are as old; mutes are looked at in between.",
			"s", query{"time() - min(" + each(of("connectycube_dialog_scan_last_full_timestamp_seconds")) + ")", "ago"}).Decimals(0)))

	b.row("Mutes", "")
	b.line(9,
		at(12, lines("Share of dialogs that are muted, by type", "Groups above the rest is usual. A jump after a release: look at what it notifies about.",
			"percentunit", unscanned, dialogTypes(), shareByType("connectycube_muted_dialogs", "connectycube_dialogs"))),
		at(12, lines("Mutes for each membership, by type", "The same for people: of all memberships, how many are muted? Public dialogs list no members.",
			"percentunit", unscanned, dialogTypes(), shareByType("connectycube_dialog_mutes", "connectycube_dialog_members"))))
	b.line(8,
		at(8, lines("Muted dialogs by type", "How many dialogs at least one user muted.", "short", unscanned, dialogTypes(), byType("connectycube_muted_dialogs"))),
		at(8, lines("Mutes by type", "Pairs of a user and a dialog that he muted.", "short", unscanned, dialogTypes(), byType("connectycube_dialog_mutes"))),
		at(8, lines("Muting users", "Users who muted at least one dialog. Mutes rising and this not: a few people mute everything.",
			"short", unscanned, []look{{series: "users", color: sky, thick: true}}, query{all(each(of("connectycube_muting_users"))), "users"})))

	b.row("Dialogs", "")
	b.line(8,
		at(8, lines("Dialogs that a user deleted, by type", "Dialogs that at least one user deleted on his side; they are still stored.",
			"short", unscanned, dialogTypes(), byType("connectycube_deleted_dialogs"))),
		at(8, lines("Deletions by type", "Pairs of a user and a dialog that he deleted on his side. A jump in private ones: look for unwanted messages.",
			"short", unscanned, dialogTypes(), byType("connectycube_dialog_deletions"))),
		at(8, lines("Memberships by type", "Sum of the members of all dialogs, the base of the shares above. Public dialogs list none.",
			"short", unscanned, dialogTypes(), byType("connectycube_dialog_members"))))
	b.line(8,
		at(12, lines("Share of dialogs never used, by type", "Dialogs without any message ever. Decide whether the app should create them later.",
			"percentunit", unscanned, dialogTypes(), shareByType("connectycube_unused_dialogs", "connectycube_dialogs"))),
		at(12, lines("Share of dialogs that are encrypted, by type", "End-to-end encryption, as far as the app uses it.",
			"percentunit", unscanned, dialogTypes(), shareByType("connectycube_encrypted_dialogs", "connectycube_dialogs"))))

	b.row("How fresh, how complete", "")
	b.line(7, scan()...)
	b.line(7,
		at(8, lines("Age of the latest full scan", "Falls to nothing when a full scan ends. Rising beyond --scan.full-interval: a scan takes long, or fails.",
			"s", unscanned, []look{{series: "age", color: sky}},
			query{"time() - min(" + each(of("connectycube_dialog_scan_last_full_timestamp_seconds")) + ")", "age"})),
		at(8, lines("Mutes that did not move updated_at", "Dialogs that the latest full scan found with other mutes although updated_at had not moved. "+
			"Not 0: between full scans mutes are too old; shorten --scan.full-interval.",
			"short", "No data yet: known after the second full scan", []look{{series: "dialogs", color: sky}},
			query{all(each(of("connectycube_dialog_scan_drift_dialogs"))), "dialogs"})),
		at(8, lines("Dialogs that the API counts but does not list", "Missing rows of the latest full scan. Not 0: mutes are counted too low by so many dialogs.",
			"short", "No data yet", []look{{series: "missing", color: vermillion}, {series: "rows", color: grey, axis: true}},
			query{all(each(of("connectycube_dialog_scan_missing_rows"))), "missing"},
			query{all(each(of("connectycube_dialog_scan_rows"))), "rows"})))
	return b
}

// scan is how far the full scan is.
func scan() []cell {
	return []cell{
		at(8, lines("Full scan: progress", "Share of all dialogs that the running full scan has read; 100 % between two scans.",
			"percentunit", "No data yet", []look{{series: "progress", color: sky, thick: true}},
			query{"min(" + each(of("connectycube_dialog_scan_progress_ratio")) + ")", "progress"}).Min(0).Max(1)),
		at(8, lines("Full scan: speed", "Dialogs a second. Half of the rate limit is the most that a scan takes, at a hundred dialogs a request; raise --api.rate-limit to go faster.",
			"short", "No scan is running", []look{{series: "dialogs a second", color: sky}},
			query{all(each(of("connectycube_dialog_scan_rows_per_second"))), "dialogs a second"})),
		at(8, fact("Full scan: done in", "Time that the running full scan still needs. The mutes of a new application are shown when it ends.",
			"s", query{"max(" + of("connectycube_dialog_scan_estimated_end_timestamp_seconds") + ") - time()", "left"}).Decimals(0).
			NoValue("No scan is running").Mappings(mapped("No scan is running", nil))),
	}
}

func byType(metric string) query {
	return query{all(each(of(metric), "dialog_type"), "dialog_type"), "{{dialog_type}}"}
}

func shareByType(part, whole string) query {
	return query{byType(part).expr + "\n/\n(" + byType(whole).expr + " > 0)", "{{dialog_type}}"}
}
