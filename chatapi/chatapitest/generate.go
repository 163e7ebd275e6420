package chatapitest

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// people are the users of the application.
type people struct {
	base int64
	n    int
}

func newPeople(c Config) people {
	p := people{base: userBase, n: min(max(c.Dialogs/2, 20), 900_000)}
	if c.Canary != "" {
		p.base = CanaryUserBase
	}
	return p
}

// pick draws a user; some are in many dialogs, most in few.
func (p people) pick(r *rand.Rand) int64 {
	return p.base + int64(float64(p.n)*math.Pow(r.Float64(), 1.5))
}

// some draws n different users.
func (p people) some(r *rand.Rand, n int) []int64 {
	ids := make([]int64, 0, n)
	for len(ids) < n {
		if id := p.pick(r); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// newDialog makes a dialog up; at is unix milliseconds.
func (p people) newDialog(r *rand.Rand, at int64) dialog {
	d := dialog{
		id: newObjectID(at/1000, r.Uint64()), kind: drawKind(r), created: at, updated: at,
		e2ee: int8(r.IntN(2)) - 1, silentAs: ListForm(r.IntN(2)), deletedAs: ListForm(r.IntN(2)),
	}
	switch d.kind {
	case typePrivate:
		d.occupants = p.some(r, 2)
		if r.IntN(12) == 0 {
			d.e2ee = 1
		}
	case typeGroup, typeMeeting:
		d.occupants = p.some(r, 3+int(r.ExpFloat64()*3)%15)
		d.admins = slices.Clone(d.occupants[:r.IntN(2)])
	}
	d.owner = p.pick(r)
	if len(d.occupants) > 0 {
		d.owner = d.occupants[0]
	}
	if r.IntN(10) == 0 {
		d.silent = p.members(r, &d, 1+r.IntN(3))
	}
	if r.IntN(20) == 0 {
		d.deleted = p.members(r, &d, 1)
	}
	return d
}

func drawKind(r *rand.Rand) int32 {
	switch n := r.IntN(1000); {
	case n < 680:
		return typePrivate
	case n < 940:
		return typeGroup
	case n < 970:
		return typePublic
	case n < 995:
		return typeBroadcast
	}
	return typeMeeting
}

// members draws up to n different members. The occupants of a public dialog are
// not listed: any user may be one.
func (p people) members(r *rand.Rand, d *dialog, n int) []int64 {
	if len(d.occupants) == 0 {
		return p.some(r, n)
	}
	n = min(n, len(d.occupants))
	from := r.IntN(len(d.occupants) - n + 1)
	return slices.Clone(d.occupants[from : from+n])
}

func (p people) member(r *rand.Rand, d *dialog) int64 {
	if len(d.occupants) == 0 {
		return p.pick(r)
	}
	return d.occupants[r.IntN(len(d.occupants))]
}

// newMessage makes a message up that reaches the server at at, unix
// milliseconds. Its _id is made by the sender, whose clock is some seconds off.
func (p people) newMessage(r *rand.Rand, d *dialog, row uint32, at int64) message {
	off := -int64(r.IntN(3))
	switch r.IntN(50) {
	case 0:
		off = int64(r.IntN(180)) - 120
	case 1, 2, 3:
		off = int64(r.IntN(20)) - 12
	}
	return message{
		id: newObjectID(max(at/1000+off, 0), r.Uint64()), dialog: row,
		sender: p.member(r, d), created: at, updated: at,
	}
}

// talk draws the length of a conversation, 5 in the mean, and the pauses in it.
func talk(r *rand.Rand) int {
	return 1 + min(int(r.ExpFloat64()*4.5), 60)
}

func pause(r *rand.Rand) int64 { return 500 + int64(r.ExpFloat64()*22_000) }

// history makes the rows there are at the start.
type history struct {
	config   Config
	people   people
	rand     *rand.Rand
	calendar *calendar
	now      int64 // unix milliseconds

	traffic *traffic // nil: by the calendar

	dialogs []dialog // by created
	plan    []key    // messages to be: when (hi) and in which dialog (lo)
}

// generate fills a store with the history of Config.Weeks up to now, a time by
// the server's clock.
func generate(c Config, p people, now time.Time, t *traffic) *store {
	h := &history{
		config: c, people: p, rand: newRand(c.Seed, "history"), traffic: t,
		calendar: newCalendar(now.Add(-c.span()), now), now: max(now.UnixMilli(), 1),
	}
	h.makeDialogs()
	if t != nil {
		h.planTraffic(now.Add(-c.span()))
	} else {
		h.planMessages()
	}
	return load(h.dialogs, h.messages())
}

// instant draws a time before now.
func (h *history) instant() int64 {
	for {
		if at := h.calendar.draw(h.rand); at < h.now {
			return max(at, 0)
		}
	}
}

func (h *history) makeDialogs() {
	created := make([]int64, h.config.Dialogs)
	for i := range created {
		created[i] = h.instant()
	}
	slices.Sort(created)
	if h.traffic != nil {
		created[0] = h.calendar.start.UnixMilli() // so that the first message has one
	}
	h.dialogs = make([]dialog, len(created))
	for i, at := range created {
		h.dialogs[i] = h.people.newDialog(h.rand, at)
	}
}

// planMessages has most dialogs begin with a conversation, a private one in
// the instant it is created, and spreads the rest over all of them.
func (h *history) planMessages() {
	h.plan = make([]key, 0, h.config.Messages)
	for _, i := range h.rand.Perm(len(h.dialogs)) {
		if len(h.plan) == h.config.Messages {
			return
		}
		d := &h.dialogs[i]
		if d.kind != typePrivate && h.rand.IntN(15) == 0 {
			continue // never used
		}
		at := d.created
		if d.kind != typePrivate {
			at = min(at+pause(h.rand), h.now-1)
		}
		h.add(at, uint32(i))
	}
	for len(h.plan) < h.config.Messages {
		at := h.instant()
		n, _ := slices.BinarySearchFunc(h.dialogs, at, func(d dialog, at int64) int { return int(d.created - at) })
		row := popular(h.rand, n)
		at = max(at, h.dialogs[row].created)
		for range talk(h.rand) {
			if at >= h.now || len(h.plan) == h.config.Messages {
				break
			}
			h.add(at, row)
			at += pause(h.rand)
		}
	}
}

func (h *history) add(at int64, row uint32) { h.plan = append(h.plan, key{uint64(at), uint64(row)}) }

// popular draws one of the n oldest dialogs: half the time a new one, half the
// time one of the few that everybody is in.
func popular(r *rand.Rand, n int) uint32 {
	if n == 0 {
		return 0
	}
	if r.IntN(2) == 0 {
		return uint32(n - 1 - int(float64(n)*math.Pow(r.Float64(), 3)))
	}
	return uint32(float64(n) * math.Pow(r.Float64(), 2))
}

// messages makes the planned messages, oldest first.
func (h *history) messages() []message {
	slices.SortFunc(h.plan, key.compare)
	all := make([]message, len(h.plan))
	for i, k := range h.plan {
		d := &h.dialogs[k.row()]
		m := h.people.newMessage(h.rand, d, k.row(), int64(k.hi))
		switch n := h.rand.IntN(100); {
		case n < 60:
			m.readers = uint16(1 + h.rand.IntN(3))
			m.updated += int64(h.rand.ExpFloat64() * 90_000)
		case n < 63:
			m.edits = 1
			m.updated += int64(h.rand.ExpFloat64() * 300_000)
		}
		m.updated = min(m.updated, h.now-1)
		d.took(&m)
		all[i] = m
	}
	return all
}
