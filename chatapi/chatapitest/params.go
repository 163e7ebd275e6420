package chatapitest

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const maxLimit = 100

// condition is one filter of a request: field, or extensions[sub]; op is ""
// for an exact match.
type condition struct{ field, sub, op, value string }

// params are the parameters of a list request, understood but not yet applied.
type params struct {
	conditions  []condition
	limit, skip int
	countOnly   bool
	sort        string
	desc        bool
}

// fieldOps are the operators the documentation gives a field, with "" for the
// exact match. The user-level ones are inherited by the dialog list only.
var (
	rangeOps  = []string{"gt", "lt", "gte", "lte"}
	scalarOps = []string{"", "gt", "lt", "gte", "lte", "ne", "in", "nin"}
	textOps   = []string{"", "ne", "in", "nin", "ctn"}
)

func (q *Quirks) opsOf(endpoint, field string) []string {
	if endpoint == Dialogs {
		switch field {
		case "_id", "created_at", "updated_at", "type", "last_message_date_sent":
			return scalarOps
		case "name", "extensions":
			return textOps
		}
		return nil
	}
	switch field {
	case "_id":
		return append([]string{""}, rangeOps...)
	case "created_at", "updated_at":
		return rangeOps
	case "chat_dialog_id":
		return []string{""}
	case "date_sent":
		if q.MessagesDateSent {
			return scalarOps
		}
	}
	return nil
}

// parseParams refuses whatever the documentation does not promise.
func (q *Quirks) parseParams(endpoint, rawQuery string) (*params, *problem) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, &problem{status: 400, text: "malformed query string"}
	}
	p := &params{limit: maxLimit}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			if bad := q.parseParam(p, endpoint, name, value); bad != nil {
				return nil, bad
			}
		}
	}
	return p, nil
}

func (q *Quirks) parseParam(p *params, endpoint, name, value string) *problem {
	switch name {
	case "limit":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return invalid(name, "must be an integer of at least 1")
		}
		p.limit = min(n, maxLimit)
		return nil
	case "skip":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return invalid(name, "must be an integer of at least 0")
		}
		if endpoint == Messages && !q.MessagesSkip {
			return invalid(name, "is not allowed")
		}
		p.skip = n
		return nil
	case "count":
		if endpoint == Messages {
			return invalid(name, "is not allowed")
		}
		if value != "1" {
			return invalid(name, "must be 1")
		}
		p.countOnly = true
		return nil
	case "sort_asc", "sort_desc":
		if !slices.Contains([]string{"created_at", "updated_at", "_id"}, value) {
			return invalid(name, "is not a field to sort by")
		}
		if p.sort != "" {
			return invalid(name, "only one sort is allowed")
		}
		p.sort, p.desc = value, name == "sort_desc"
		return nil
	}
	c, ok := splitName(name)
	if !ok || !slices.Contains(q.opsOf(endpoint, c.field), c.op) || (c.field == "extensions") != (c.sub != "") {
		return invalid(name, "is not allowed")
	}
	c.value = value
	p.conditions = append(p.conditions, c)
	return nil
}

// splitName reads field, field[op], extensions[key] and extensions[key][op].
func splitName(name string) (c condition, ok bool) {
	field, rest, nested := strings.Cut(name, "[")
	c.field = field
	if !nested {
		return c, true
	}
	rest, ok = strings.CutSuffix(rest, "]")
	parts := strings.Split(rest, "][")
	switch {
	case !ok || slices.Contains(parts, ""):
		return c, false
	case field == "extensions" && len(parts) == 1:
		c.sub = parts[0]
	case field == "extensions" && len(parts) == 2:
		c.sub, c.op = parts[0], parts[1]
	case len(parts) == 1:
		c.op = parts[0]
	default:
		return c, false
	}
	return c, true
}
