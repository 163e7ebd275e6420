package chatapitest

import "time"

// Names of the three requests, as the exporter's metrics and this package's Fault and FilterKey know them.
const (
	Dialogs  = "dialogs"  // GET /admin/chat/list
	Messages = "messages" // GET /admin/chat/messages/list
	Dialog   = "dialog"   // PUT /admin/chat/{dialog_id}
)

// FilterMode is what a server makes of a filter.
type FilterMode int

// Ways to treat a filter.
const (
	Honoured     FilterMode = iota
	Dropped                 // ignored in silence
	Refused422              // answered 422
	LtIgnored               // [lt] ignored in silence, other operators honoured
	LtAsLte                 // [lt] read as [lte]
	Swapped                 // created_at read as updated_at, updated_at as created_at
	Milliseconds            // the value taken for milliseconds
	NinRefused              // [nin] answered 422, other operators honoured
	NinDropped              // [nin] ignored in silence, other operators honoured
)

// FilterKey names a filter of one of the two lists.
type FilterKey struct{ Endpoint, Field string }

// BodyShape is one of the shapes that ConnectyCube's error bodies were seen in.
type BodyShape int

// Shapes of error bodies.
const (
	BodyBase  BodyShape = iota // {"errors":{"base":["..."]}}
	BodyList                   // {"errors":["..."]}
	BodyField                  // {"errors":{"<field>":["..."]}}
	BodyText                   // plain text, as AdonisJS writes it
	BodyHTML                   // an nginx error page
	BodyEmpty
)

// TimeFormat is how created_at and updated_at are written.
type TimeFormat uint8

// Formats of times. The zero value is what the documentation's samples show.
const (
	ISO       TimeFormat = iota // "2022-02-17T11:01:40Z"
	ISOMillis                   // "2022-02-17T11:01:40.123Z"
	Unix                        // 1645095700
)

// Quirks are what the documentation leaves open, and servers that are wrong. The zero value is the documented server, right in
// everything, with type and last_message_date_sent honoured as filters.
type Quirks struct {
	Filter map[FilterKey]FilterMode

	// TotalIgnoresCursor keeps total_entries at what it is without an _id filter that is bounded on one side only.
	TotalIgnoresCursor bool
	CursorIgnored      bool // [gt], [gte], [lt] and [lte] of _id ignored in silence
	SortIgnored        bool
	// DefaultOrder is the order without a sort: a field, with "-" before it for descending. Empty: "-_id" for dialogs and
	// "created_at" for messages.
	DefaultOrder string

	MessagesSkip     bool // messages accept skip
	MessagesDateSent bool // messages accept date_sent as a filter

	MuteMovesUpdatedAt bool

	// Of Dialog Update: the keys of extensions that the admin panel allows, others being ignored (nil: any); extensions that
	// a request does not name stay; a list that one request adds to and removes from is refused; private dialogs take a
	// name and a photo, which they ignore by what the documentation says of their creation.
	Extensions          []string
	ExtensionsMerge     bool
	OneListTwiceRefused bool
	PrivateDialogsNamed bool

	BadKeyStatus int // 0: 401
	BadKeyBody   BodyShape
	EchoKey      bool // error bodies repeat the key that was sent

	Skew     time.Duration // the server's clock minus the true one
	NoDate   bool          // no Date header
	DateText string        // the Date header, whatever it says

	MillisecondTimes bool // times are kept, compared and written with milliseconds
	UnixTimes        bool // times are written as numbers
}

func (q *Quirks) mode(endpoint, field string) FilterMode { return q.Filter[FilterKey{endpoint, field}] }

func (q *Quirks) timeFormat() TimeFormat {
	switch {
	case q.UnixTimes:
		return Unix
	case q.MillisecondTimes:
		return ISOMillis
	}
	return ISO
}
