package collector

import (
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// liveScan lets others watch a full scan that is under way; it never changes.
type liveScan struct {
	sweep  *chatapi.Sweep[chatapi.Dialog]
	rows   int64         // read by earlier processes
	total  int64         // dialogs when the scan began; 0: not known
	worked time.Duration // by this process, up to since
	since  time.Time     // zero: it rests
}

func (r *fullScan) watch(since time.Time) *liveScan {
	return &liveScan{sweep: r.sweep, rows: r.before.rows, total: r.Base.Rows, worked: r.Worked - r.before.worked, since: since}
}

// ScanProgress tells how far a full scan is.
type ScanProgress struct {
	Rows      int64         // read so far
	Ratio     float64       // of all rows, from 0 to 1
	PerSecond float64       // rows a second since the program started; 0: not known, or it rests after a failure
	Remaining time.Duration // at this rate; 0: not known
}

func (l *liveScan) progress() (p ScanProgress) {
	read, left := l.sweep.Progress()
	p.Rows = l.rows + read
	if left < 0 {
		left = max(0, l.total-p.Rows)
	}
	if all := p.Rows + left; all > 0 {
		p.Ratio = float64(p.Rows) / float64(all)
	}
	if l.since.IsZero() {
		return p
	}
	worked := l.worked + time.Since(l.since)
	if worked > 0 && read > 0 {
		p.PerSecond = float64(read) / worked.Seconds()
		p.Remaining = time.Duration(float64(left) / p.PerSecond * float64(time.Second))
	}
	return p
}
