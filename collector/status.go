package collector

import (
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// Status is what one application looks like to a person: the status page and
// the check command are made from it. Nothing in it is a secret, and nothing
// in it was written by the vendor's users.
type Status struct {
	Name string
	URL  string

	Up         bool          // as connectycube_up
	ClockSkew  time.Duration // server minus local; meaningless unless ClockKnown
	ClockKnown bool
	RateLimit  float64       // requests per second, effective now; +Inf when lifted
	Requests   int64         // API requests sent in the last hour, retries included
	Paused     time.Duration // what is left of a pause that the API asked for

	Dialogs     []TypeCount // by dialog_type, in a fixed order; empty: not known
	Messages    Value
	LastMessage time.Time // zero: not known, or no message
	Windows     []WindowStatus
	Mutes       *MuteStatus     // nil: not known
	Scan        *ScanProgress   // of the running full scan of dialogs; nil: none
	Activity    *ActivityStatus // nil: not known
	Filters     []FilterStatus
	Collectors  []CollectorStatus
	Polls       []Poll // newest first
}

// Value is a number that may not be known.
type Value struct {
	N     int64
	Known bool
}

// TypeCount is the number of dialogs of one dialog_type.
type TypeCount struct {
	Type string
	N    int64
}

// WindowStatus holds the counts of one window ending at End.
type WindowStatus struct {
	Label           string
	End             time.Time // zero: never counted, or expired
	NewDialogs      Value
	NewMessages     Value
	UpdatedDialogs  Value
	UpdatedMessages Value
	ActiveDialogs   Value
}

// MuteStatus is what users made of their dialogs, and how that was found.
type MuteStatus struct {
	Types    []MuteCount // by dialog_type, in a fixed order
	Users    int64       // who muted at least one dialog
	LastFull time.Time   // end of the latest full scan
	Took     time.Duration
	Rows     int64
	Missing  int64 // -1: could not be measured
	Drift    int64 // the same
}

// MuteCount counts dialogs of one dialog_type. Members, Encrypted and Unused
// are as of the latest full scan.
type MuteCount struct {
	Type                       string
	Muted, Mutes               int64
	Deleted, Deletions         int64
	Members, Encrypted, Unused int64
}

// ActivityStatus compares the messages of late with what is normal.
type ActivityStatus struct {
	At      time.Time // end of the windows
	Windows []ActivityWindow
	Silence activity.SilenceVerdict
	Holiday bool
	Ready   float64 // share of the past that is known, 0 to 1; nothing is judged until it was 1
}

// ActivityWindow is one window of it.
type ActivityWindow struct {
	Label string
	activity.WindowVerdict
}

// SortByCreation is the name under which FilterStatus tells whether messages
// can be sorted by created_at, the newest first.
const SortByCreation = "sort_desc=created_at"

// FilterStatus tells what the proof of one filter found.
type FilterStatus struct {
	Endpoint string
	Filter   string
	State    string // "supported", "unsupported", "unknown"
	Reason   string // why it is not supported, or not known
}

// CollectorStatus is the state of one collector of one application.
type CollectorStatus struct {
	Name        string
	Success     bool
	Attempted   bool      // false until a first refresh has ended
	LastSuccess time.Time // zero: never
	NextRun     time.Time
	Interval    time.Duration // the shortest among its parts
	Duration    time.Duration // of the latest refresh
	Error       string        // of the latest failed part, if Success is false
}

// Poll is one finished refresh of one part of a collector.
type Poll struct {
	Time      time.Time
	Collector string
	Part      string // such as "dialogs" or "1h"
	Duration  time.Duration
	Error     string // empty: it succeeded
}
