package chatapi

import (
	"strconv"
	"strings"
)

// row is what the checks of a page need to see of it.
type row interface {
	id() ObjectID
	time(TimeField) (unix int64, known bool)
	oid(IDField) (ObjectID, bool)
	code() (int, bool)
}

// check is a filter made ready to be held against the rows that come back.
type check struct {
	cond  Cond
	unix  int64
	id    ObjectID
	codes []int
	kind  checkKind
}

type checkKind int

const (
	checkTime checkKind = iota
	checkID
	checkType
)

// checks leaves out what cannot be verified from the fields we decode.
func checks(where []Cond) []check {
	out := make([]check, 0, len(where))
	for _, c := range where {
		switch c.Field {
		case string(CreatedAt), string(UpdatedAt), string(LastMessageDateSent):
			if unix, err := strconv.ParseInt(c.Value, 10, 64); err == nil {
				out = append(out, check{cond: c, kind: checkTime, unix: unix})
			}
		case string(ID), string(ChatDialogID):
			if id, ok := parseObjectID([]byte(c.Value)); ok {
				out = append(out, check{cond: c, kind: checkID, id: id})
			}
		case "type":
			ck := check{cond: c, kind: checkType}
			for s := range strings.SplitSeq(c.Value, ",") {
				if code, err := strconv.Atoi(s); err == nil {
					ck.codes = append(ck.codes, code)
				}
			}
			out = append(out, ck)
		}
	}
	return out
}

// holds tells whether a row may have passed the filter. Stored times can be
// finer than the seconds we keep, so gt and lte get that second's benefit.
func (c *check) holds(r row) bool {
	switch c.kind {
	case checkTime:
		t, known := r.time(TimeField(c.cond.Field))
		if !known {
			return true
		}
		switch c.cond.Op {
		case Eq, In:
			return t == c.unix
		case Gt, Gte:
			return t >= c.unix
		case Lt:
			return t < c.unix
		case Lte:
			return t <= c.unix
		}
	case checkID:
		id, known := r.oid(IDField(c.cond.Field))
		if !known {
			return true
		}
		order := id.Compare(c.id)
		switch c.cond.Op {
		case Eq:
			return order == 0
		case Gt:
			return order > 0
		case Gte:
			return order >= 0
		case Lt:
			return order < 0
		case Lte:
			return order <= 0
		}
	case checkType:
		code, known := r.code()
		if !known {
			return true
		}
		in := false
		for _, want := range c.codes {
			in = in || code == want
		}
		switch c.cond.Op {
		case Eq, In:
			return in
		case Ne, Nin:
			return !in
		}
	}
	return true
}

// firstUnfiltered names the filter that a row should not have passed.
func firstUnfiltered[T any, R interface {
	*T
	row
}](items []T, cks []check) (filter string, index int, found bool) {
	for i := range items {
		for k := range cks {
			if !cks[k].holds(R(&items[i])) {
				return cks[k].cond.key(), i, true
			}
		}
	}
	return "", 0, false
}

// sorted tells whether the rows obey the sort, as far as we read its field.
func sorted[T any, R interface {
	*T
	row
}](items []T, s Sort) bool {
	for i := 1; i < len(items); i++ {
		a, b := R(&items[i-1]), R(&items[i])
		if s.Desc {
			a, b = b, a
		}
		if s.Field == string(ID) {
			if a.id().Compare(b.id()) > 0 {
				return false
			}
			continue
		}
		ta, known := a.time(TimeField(s.Field))
		if tb, _ := b.time(TimeField(s.Field)); known && ta > tb {
			return false
		}
	}
	return true
}

// repeated tells whether a row follows itself.
func repeated[T any, R interface {
	*T
	row
}](items []T) bool {
	for i := 1; i < len(items); i++ {
		if R(&items[i-1]).id() == R(&items[i]).id() {
			return true
		}
	}
	return false
}
