package chatapi

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// MaxLimit is the largest page that the API serves (vendor's page, "limit").
const MaxLimit = 100

// Op is an operator of a filter, as in created_at[gte]. Dialogs List takes all
// of them by reference to the user-level API; Messages List documents the
// four comparisons, and equality for chat_dialog_id.
type Op string

// The operators (vendor's page and Retrieve Chat Dialogs).
const (
	Eq  Op = ""
	Gt  Op = "gt"
	Gte Op = "gte"
	Lt  Op = "lt"
	Lte Op = "lte"
	Ne  Op = "ne"
	In  Op = "in"
	Nin Op = "nin"
	All Op = "all"
	Ctn Op = "ctn"
)

// Cond is one filter of a request; all the filters of a request must hold.
type Cond struct {
	Field string
	Op    Op
	Value string
}

func (c Cond) key() string {
	if c.Op == Eq {
		return c.Field
	}
	return c.Field + "[" + string(c.Op) + "]"
}

// TimeField is a field that is filtered by unix seconds.
type TimeField string

// The time fields. LastMessageDateSent belongs to dialogs only, and is
// documented for the user-level list alone.
const (
	CreatedAt           TimeField = "created_at"
	UpdatedAt           TimeField = "updated_at"
	LastMessageDateSent TimeField = "last_message_date_sent"
)

// Cond compares the field with a unix time in seconds.
func (f TimeField) Cond(op Op, unix int64) Cond {
	return Cond{string(f), op, strconv.FormatInt(unix, 10)}
}

// In gives the two filters that hold for from <= field < to, unix seconds.
func (f TimeField) In(from, to int64) []Cond {
	return []Cond{f.Cond(Gte, from), f.Cond(Lt, to)}
}

// IDField is a field that is filtered by an ObjectID.
type IDField string

// The id fields. ChatDialogID belongs to messages only, and takes Eq only.
const (
	ID           IDField = "_id"
	ChatDialogID IDField = "chat_dialog_id"
)

// Cond compares the field with an id.
func (f IDField) Cond(op Op, id ObjectID) Cond { return Cond{string(f), op, id.String()} }

// Only pins a list to one row, by the two documented comparisons.
func (f IDField) Only(id ObjectID) []Cond { return []Cond{f.Cond(Gte, id), f.Cond(Lte, id)} }

// Type filters dialogs by their type code (user-level list).
func Type(op Op, codes ...int) Cond {
	values := make([]string, len(codes))
	for i, code := range codes {
		values[i] = strconv.Itoa(code)
	}
	return Cond{"type", op, strings.Join(values, ",")}
}

// Name filters dialogs by name: Eq, or Ctn for a substring (user-level list).
func Name(op Op, value string) Cond { return Cond{"name", op, value} }

// Extension filters dialogs by one custom key (user-level list).
func Extension(key, value string) Cond { return Cond{"extensions[" + key + "]", Eq, value} }

// Sort orders a list. The API documents created_at, updated_at and _id.
type Sort struct {
	Field string
	Desc  bool
}

// Query is one request to a list endpoint.
type Query struct {
	Where []Cond
	Sort  Sort // zero: the server's own order, which is not documented
	Limit int  // rows wanted, 1 to MaxLimit; 0: MaxLimit
	Skip  int  // rows to pass over; not promised for messages
}

// values encodes the query, or refuses one that the API cannot express.
func (q Query) values() (url.Values, error) {
	v := url.Values{}
	for _, c := range q.Where {
		key := c.key()
		if v.Has(key) {
			return nil, fmt.Errorf("the filter %s is given twice", key)
		}
		v.Set(key, c.Value)
	}
	limit := q.Limit
	if limit == 0 {
		limit = MaxLimit
	}
	if limit < 1 || limit > MaxLimit {
		return nil, fmt.Errorf("the limit %d is not between 1 and %d", q.Limit, MaxLimit)
	}
	if q.Skip < 0 {
		return nil, fmt.Errorf("the skip %d is negative", q.Skip)
	}
	v.Set("limit", strconv.Itoa(limit))
	if q.Skip > 0 {
		v.Set("skip", strconv.Itoa(q.Skip))
	}
	switch {
	case q.Sort.Field == "":
	case q.Sort.Desc:
		v.Set("sort_desc", q.Sort.Field)
	default:
		v.Set("sort_asc", q.Sort.Field)
	}
	return v, nil
}
