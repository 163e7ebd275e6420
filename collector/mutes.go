package collector

import (
	"context"
	"encoding/json"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// mutesCollector shows what users made of their dialogs, which no filter of
// the API can count: it is read from every dialog.
type mutesCollector struct {
	full time.Duration // interval of full scans

	muted, mutes, users            *prometheus.Desc
	deleted, deletions             *prometheus.Desc
	members, encrypted, unused     *prometheus.Desc
	progress, perSecond, estimated *prometheus.Desc
	lastFull, rows, missing, drift *prometheus.Desc
}

func mutes(set Settings) definition {
	const (
		changes = " Full scans read every dialog; between two of them, those are read again whose updated_at moved."
		atFull  = " As of the latest full scan, see connectycube_dialog_scan_last_full_timestamp_seconds."
	)
	c := &mutesCollector{
		muted: desc("muted_dialogs",
			"Dialogs that at least one user muted (silent_ids)."+changes, "dialog_type"),
		mutes: desc("dialog_mutes",
			"Mutes: distinct pairs of a user and a dialog that he muted."+changes, "dialog_type"),
		users: desc("muting_users",
			"Distinct users who muted at least one dialog."+changes),
		deleted: desc("deleted_dialogs",
			"Stored dialogs that at least one user deleted for himself (deleted_ids)."+changes, "dialog_type"),
		deletions: desc("dialog_deletions",
			"Distinct pairs of a user and a stored dialog that he deleted for himself."+changes, "dialog_type"),
		members: desc("dialog_members",
			"Sum of occupants over all dialogs, the base for shares of mutes. Public dialogs list none."+atFull, "dialog_type"),
		encrypted: desc("encrypted_dialogs",
			"Dialogs with end-to-end encryption (is_e2ee)."+atFull, "dialog_type"),
		unused: desc("unused_dialogs",
			"Dialogs in which no message was ever sent."+atFull, "dialog_type"),
		progress: desc("dialog_scan_progress_ratio",
			"Share of all dialogs that the running full scan has read; 1 between two full scans."),
		perSecond: desc("dialog_scan_rows_per_second",
			"Dialogs that the running full scan reads in a second. Absent between two full scans."),
		estimated: desc("dialog_scan_estimated_end_timestamp_seconds",
			"When the running full scan will end at this pace, in unix seconds. Absent between two full scans."),
		lastFull: desc("dialog_scan_last_full_timestamp_seconds",
			"When the latest full scan ended, in unix seconds."),
		rows: desc("dialog_scan_rows",
			"Dialogs that the latest full scan read."),
		missing: desc("dialog_scan_missing_rows",
			"Dialogs that the API counts but did not list in the latest full scan; those created and deleted meanwhile are allowed for. Absent if it could not be counted."),
		drift: desc("dialog_scan_drift_dialogs",
			"Dialogs that the latest full scan found with other mutes although their updated_at had not moved. If not 0, mutes are only as fresh as the latest full scan. Absent before the second."),
	}
	return definition{
		name: "mutes",
		descs: []*prometheus.Desc{
			c.muted, c.mutes, c.users, c.deleted, c.deletions, c.members, c.encrypted, c.unused,
			c.progress, c.perSecond, c.estimated, c.lastFull, c.rows, c.missing, c.drift,
		},
		parts: func(a *app) []part {
			s := newScanner(a, set)
			a.scanner = s
			c.full = s.full
			return []part{{
				collector: "mutes", name: "dialogs", interval: s.every, long: true,
				refresh: func(ctx context.Context, _ result) (result, error) {
					fresh, err := s.refresh(ctx)
					if !fresh || s.marks == nil {
						return nil, err
					}
					return &muteValues{c, s.counts, s.done}, err
				},
				wait:   s.wait,
				save:   func(result) any { return s.save() },
				forget: s.forget,
				restore: func(raw json.RawMessage) (result, error) {
					if err := s.restore(raw, time.Now()); err != nil || s.marks == nil {
						return nil, err
					}
					return &muteValues{c, s.counts, s.done}, nil
				},
			}}
		},
		live: c.emitProgress,
	}
}

// muteValues are what the collector shows; the full scan's own values are older.
type muteValues struct {
	c    *mutesCollector
	now  markCounts
	full *fullCounts
}

// expired tells whether three full scans are missed and the latest tries
// failed: then too many dialogs may have been deleted, or muted unseen.
func (r *muteValues) expired(s *partState, now time.Time) bool {
	return s.failures >= keptFailures && now.Sub(r.full.Ended) > 3*(r.c.full+r.full.Took)
}

func (r *muteValues) emit(e *emitter) {
	c := r.c
	for _, m := range []struct {
		d      *prometheus.Desc
		values *[dialogTypeCount]int64
	}{
		{c.muted, &r.now.muted},
		{c.mutes, &r.now.mutes},
		{c.deleted, &r.now.deleted},
		{c.deletions, &r.now.deletions},
		{c.members, &r.full.Sums.Members},
		{c.encrypted, &r.full.Sums.Encrypted},
		{c.unused, &r.full.Sums.Unused},
	} {
		for i, v := range m.values {
			e.gauge(m.d, float64(v), typeLabel(i))
		}
	}
	e.gauge(c.users, float64(r.now.users))
	e.gauge(c.lastFull, float64(r.full.Ended.UnixMilli())/1e3)
	e.gauge(c.rows, float64(r.full.Rows))
	if r.full.Missing >= 0 {
		e.gauge(c.missing, float64(r.full.Missing))
	}
	if r.full.Drift >= 0 {
		e.gauge(c.drift, float64(r.full.Drift))
	}
}

// emitProgress shows how far a full scan is, also before the first has ended.
func (c *mutesCollector) emitProgress(e *emitter) {
	if live := e.app.scanner.live.Load(); live != nil {
		p := live.progress()
		e.gauge(c.progress, p.Ratio)
		if p.PerSecond > 0 {
			e.gauge(c.perSecond, p.PerSecond)
			e.gauge(c.estimated, float64(e.now.Add(p.Remaining).UnixMilli())/1e3)
		}
	} else if _, ok := fresh[*muteValues](e.app, e.snap, e.now); ok {
		e.gauge(c.progress, 1)
	}
}

func (r *muteValues) describe(s *Status) {
	m := MuteStatus{Users: r.now.users, LastFull: r.full.Ended, Rows: r.full.Rows, Took: r.full.Took, Missing: r.full.Missing, Drift: r.full.Drift}
	for i := range dialogTypeCount {
		m.Types = append(m.Types, MuteCount{
			Type: typeLabel(i), Muted: r.now.muted[i], Mutes: r.now.mutes[i],
			Deleted: r.now.deleted[i], Deletions: r.now.deletions[i],
			Members: r.full.Sums.Members[i], Encrypted: r.full.Sums.Encrypted[i], Unused: r.full.Sums.Unused[i],
		})
	}
	s.Mutes = &m
}
