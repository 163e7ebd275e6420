package chatapitest

import (
	"slices"
	"strconv"
	"strings"
)

// filter makes a filter of conditions, the way the quirks have the server do
// it. With cursor false, an _id filter bounded on one side only is left out.
func (s *Server) filter(endpoint string, conditions []condition, cursor bool) (*filter, *problem) {
	f := newFilter()
	for _, c := range conditions {
		if c.field == "_id" && slices.Contains(rangeOps, c.op) && (s.quirks.CursorIgnored || !cursor && !pinned(conditions)) {
			if _, ok := parseObjectID(c.value); ok {
				continue
			}
		}
		mode := s.quirks.mode(endpoint, c.field)
		switch {
		case mode == Refused422, mode == NinRefused && c.op == "nin":
			return nil, invalid(c.field, "is not a field to filter by")
		case mode == Dropped, mode == NinDropped && c.op == "nin", mode == LtIgnored && c.op == "lt":
			continue
		case mode == LtAsLte && c.op == "lt":
			c.op = "lte"
		case mode == Swapped && c.field == "created_at":
			c.field = "updated_at"
		case mode == Swapped && c.field == "updated_at":
			c.field = "created_at"
		}
		if bad := s.apply(f, endpoint, c, mode); bad != nil {
			return nil, bad
		}
	}
	return f, nil
}

// pinned tells whether the conditions bound _id on both sides.
func pinned(conditions []condition) bool {
	var above, below bool
	for _, c := range conditions {
		if c.field == "_id" {
			above = above || c.op == "gt" || c.op == "gte"
			below = below || c.op == "lt" || c.op == "lte"
		}
	}
	return above && below
}

func (s *Server) apply(f *filter, endpoint string, c condition, mode FilterMode) *problem {
	switch c.field {
	case "_id":
		return s.applyID(f, endpoint, c)
	case "created_at":
		return s.applyTime(f, endpoint, byCreated, c, mode)
	case "updated_at":
		return s.applyTime(f, endpoint, byUpdated, c, mode)
	case "last_message_date_sent":
		return s.applyTime(f, endpoint, byLastSent, c, mode)
	case "date_sent":
		ok, bad := integers(c)
		if bad != nil {
			return bad
		}
		f.tests = append(f.tests, func(row uint32) bool { return ok(s.dateSent(row)) })
	case "type":
		ok, bad := integers(c)
		if bad != nil {
			return bad
		}
		f.kinds = append(f.kinds, func(kind int32) bool { return ok(int64(kind)) })
	case "chat_dialog_id":
		id, ok := parseObjectID(c.value)
		if !ok {
			return invalid(c.field, "must be an ObjectId")
		}
		row, found := s.store.findDialog(id)
		if !found || f.dialog != nil && *f.dialog != row {
			f.none = true
		}
		f.dialog = &row
	case "name":
		ok := texts(c)
		f.tests = append(f.tests, func(row uint32) bool { return ok(s.dialogName(row)) })
	case "extensions":
		ok := texts(c)
		f.tests = append(f.tests, func(row uint32) bool { return ok(s.dialogExtension(row, c.sub)) })
	}
	return nil
}

func (s *Server) applyID(f *filter, endpoint string, c condition) *problem {
	var ids []objectID
	for part := range strings.SplitSeq(c.value, ",") {
		id, ok := parseObjectID(part)
		if !ok {
			return invalid(c.field, "must be an ObjectId")
		}
		ids = append(ids, id)
	}
	id := ids[0]
	if len(ids) > 1 && c.op != "in" && c.op != "nin" {
		return invalid(c.field, "must be one ObjectId")
	}
	first, end := key{}, newFilter().idTo
	before, after := id.key(0), id.key(lastRow)
	switch c.op {
	case "":
		f.narrowID(before, after)
	case "gt":
		f.narrowID(after, end)
	case "gte":
		f.narrowID(before, end)
	case "lt":
		f.narrowID(first, before)
	case "lte":
		f.narrowID(first, after)
	default:
		want := c.op == "in"
		f.tests = append(f.tests, func(row uint32) bool {
			return slices.Contains(ids, s.store.idOf(endpoint, row)) == want
		})
	}
	return nil
}

// applyTime compares whole seconds, or milliseconds where the server keeps
// them: there a row of half past a second is in [t, t+1) and is above t.
func (s *Server) applyTime(f *filter, endpoint string, field int, c condition, mode FilterMode) *problem {
	if c.op == "ne" || c.op == "in" || c.op == "nin" {
		ok, bad := integers(c)
		if bad != nil {
			return bad
		}
		f.tests = append(f.tests, func(row uint32) bool {
			at, is := s.store.timeOf(endpoint, field, row)
			if !is {
				return c.op != "in"
			}
			return ok(at / 1000)
		})
		return nil
	}
	n, err := strconv.ParseInt(c.value, 10, 64)
	if err != nil {
		return invalid(c.field, "must be an integer timestamp")
	}
	n = min(max(n, -1), maxTime)
	from, next := n, n+1 // the value, and the first instant that is above it
	if mode != Milliseconds {
		n = min(n, maxTime/1000)
		from, next = n*1000, n*1000+1000
		if s.quirks.MillisecondTimes && field != byLastSent && c.op != "" {
			next = from + 1
		}
	}
	at := func(ms int64) uint64 { return uint64(min(max(ms, 0), maxTime+1)) }
	switch span := &f.times[field]; c.op {
	case "":
		span.narrow(at(from), at(next))
	case "gt":
		span.narrow(at(next), maxTime+1)
	case "gte":
		span.narrow(at(from), maxTime+1)
	case "lt":
		span.narrow(0, at(from))
	case "lte":
		span.narrow(0, at(next))
	}
	return nil
}

// integers is the test a condition makes of an integer.
func integers(c condition) (func(int64) bool, *problem) {
	var values []int64
	for part := range strings.SplitSeq(c.value, ",") {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return nil, invalid(c.field, "must be an integer")
		}
		values = append(values, n)
	}
	v := values[0]
	switch c.op {
	case "in":
		return func(n int64) bool { return slices.Contains(values, n) }, nil
	case "nin":
		return func(n int64) bool { return !slices.Contains(values, n) }, nil
	}
	if len(values) > 1 {
		return nil, invalid(c.field, "must be one integer")
	}
	switch c.op {
	case "ne":
		return func(n int64) bool { return n != v }, nil
	case "gt":
		return func(n int64) bool { return n > v }, nil
	case "gte":
		return func(n int64) bool { return n >= v }, nil
	case "lt":
		return func(n int64) bool { return n < v }, nil
	case "lte":
		return func(n int64) bool { return n <= v }, nil
	}
	return func(n int64) bool { return n == v }, nil
}

// texts is the test a condition makes of a string that may be null.
func texts(c condition) func(string, bool) bool {
	values := strings.Split(c.value, ",")
	switch c.op {
	case "ne":
		return func(v string, ok bool) bool { return !ok || v != c.value }
	case "in":
		return func(v string, ok bool) bool { return ok && slices.Contains(values, v) }
	case "nin":
		return func(v string, ok bool) bool { return !ok || !slices.Contains(values, v) }
	case "ctn":
		return func(v string, ok bool) bool { return ok && strings.Contains(v, c.value) }
	}
	return func(v string, ok bool) bool { return ok && v == c.value }
}
