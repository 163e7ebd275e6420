package chatapitest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// oracleRow is a row as its JSON says, with nothing of the store.
type oracleRow struct {
	ID       string    `json:"_id"`
	DialogID string    `json:"chat_dialog_id"`
	Created  time.Time `json:"created_at"`
	Updated  time.Time `json:"updated_at"`
	LastSent *int64    `json:"last_message_date_sent"`
	DateSent int64     `json:"date_sent"`

	// Custom parameters of messages may have these names, and any type.
	Type json.RawMessage `json:"type"`
	Name json.RawMessage `json:"name"`
}

func (r *oracleRow) millis(field string) (int64, bool) {
	switch {
	case field == "created_at":
		return r.Created.UnixMilli(), true
	case field == "updated_at":
		return r.Updated.UnixMilli(), true
	case r.LastSent == nil:
		return 0, false
	}
	return *r.LastSent * 1000, true
}

// compare is what an operator makes of a comparison's result.
func compare(op string, c int) bool {
	switch op {
	case "":
		return c == 0
	case "ne":
		return c != 0
	case "gt":
		return c > 0
	case "gte":
		return c >= 0
	case "lt":
		return c < 0
	case "lte":
		return c <= 0
	}
	panic(op)
}

func (r *oracleRow) holds(c condition) bool {
	switch c.op {
	case "in", "nin":
		return slices.ContainsFunc(strings.Split(c.value, ","), func(v string) bool {
			return r.holds(condition{field: c.field, value: v})
		}) == (c.op == "in")
	}
	number := func() int64 {
		n, err := strconv.ParseInt(c.value, 10, 64)
		if err != nil {
			panic(err)
		}
		return n
	}
	switch c.field {
	case "_id":
		return compare(c.op, strings.Compare(r.ID, c.value))
	case "chat_dialog_id":
		return r.DialogID == c.value
	case "type":
		n, err := strconv.ParseInt(string(r.Type), 10, 64)
		return err == nil && compare(c.op, cmp.Compare(n, number()))
	case "date_sent":
		return compare(c.op, cmp.Compare(r.DateSent, number()))
	case "name":
		var name *string
		if err := json.Unmarshal(r.Name, &name); err != nil {
			panic(err)
		}
		if c.op == "ctn" {
			return name != nil && strings.Contains(*name, c.value)
		}
		return compare(c.op, cmp.Compare(orNull(name), c.value))
	}
	ms, ok := r.millis(c.field)
	if !ok {
		return c.op == "ne"
	}
	if c.op == "" || c.op == "ne" {
		return compare(c.op, cmp.Compare(ms/1000, number()))
	}
	return compare(c.op, cmp.Compare(ms, number()*1000))
}

func orNull(s *string) string {
	if s == nil {
		return "\x00null"
	}
	return *s
}

// asker draws queries about an application and knows the answers.
type asker struct {
	rand     *rand.Rand
	endpoint string
	rows     []*oracleRow
	dialogs  []string
}

func newAsker(t *testing.T, s *Server, endpoint string, seed uint64) *asker {
	t.Helper()
	a := &asker{rand: rand.New(rand.NewPCG(seed, 99)), endpoint: endpoint}
	truth := s.Truth()
	var raws []json.RawMessage
	for _, d := range truth.Dialogs {
		a.dialogs = append(a.dialogs, d.ID)
		if endpoint == Dialogs {
			raws = append(raws, d.Row)
		}
	}
	if endpoint == Messages {
		for _, m := range truth.Messages {
			raws = append(raws, m.Row)
		}
	}
	for _, raw := range raws {
		row := new(oracleRow)
		if err := json.Unmarshal(raw, row); err != nil {
			t.Fatal(err)
		}
		a.rows = append(a.rows, row)
	}
	return a
}

func pick[E any](r *rand.Rand, of ...E) E { return of[r.IntN(len(of))] }

// condition draws one that has a chance to hold for some rows and not others.
func (a *asker) condition() condition {
	row := pick(a.rand, a.rows...)
	fields := []string{"_id", "created_at", "updated_at", "created_at", "updated_at", "chat_dialog_id"}
	ranges := []string{"gt", "lt", "gte", "lte"}
	if a.endpoint == Dialogs {
		fields = []string{"_id", "created_at", "updated_at", "last_message_date_sent", "type", "name"}
		ranges = append(ranges, "", "ne", "in", "nin")
	}
	c := condition{field: pick(a.rand, fields...), op: pick(a.rand, ranges...)}
	switch c.field {
	case "_id":
		c.value = row.ID
		if c.op == "in" || c.op == "nin" {
			c.value += "," + pick(a.rand, a.rows...).ID
		}
	case "chat_dialog_id":
		c.op, c.value = "", pick(a.rand, row.DialogID, pick(a.rand, a.dialogs...))
	case "type":
		c.value = strconv.Itoa(1 + a.rand.IntN(5))
		if c.op == "in" || c.op == "nin" {
			c.value += "," + strconv.Itoa(1+a.rand.IntN(5))
		}
	case "name":
		c.op = pick(a.rand, "", "ctn", "ne")
		c.value = pick(a.rand, "e", "the", "meet")
	default:
		ms, _ := row.millis(c.field)
		c.value = strconv.FormatInt(ms/1000+int64(a.rand.IntN(3))-1, 10)
	}
	return c
}

// check sends one drawn query and compares the reply with brute force.
func (a *asker) check(t *testing.T, s *Server) {
	t.Helper()
	var query []string
	var conditions []condition
	for range a.rand.IntN(4) {
		c := a.condition()
		name := c.field
		if c.op != "" {
			name += "[" + c.op + "]"
		}
		conditions, query = append(conditions, c), append(query, name, c.value)
	}
	sortBy, desc := "", false
	if a.rand.IntN(4) > 0 {
		sortBy, desc = pick(a.rand, "_id", "created_at", "updated_at"), a.rand.IntN(2) == 0
		query = append(query, map[bool]string{false: "sort_asc", true: "sort_desc"}[desc], sortBy)
	} else if a.endpoint == Dialogs {
		sortBy, desc = "_id", true
	} else {
		sortBy = "created_at"
	}
	limit, skip := 1+a.rand.IntN(120), 0
	query = append(query, "limit", strconv.Itoa(limit))
	if a.endpoint == Dialogs && a.rand.IntN(3) == 0 {
		skip = a.rand.IntN(60)
		query = append(query, "skip", strconv.Itoa(skip))
	}
	path := map[string]string{Dialogs: dialogsPath, Messages: messagesPath}[a.endpoint]
	got := get(t, s, path, query...)
	matches := slices.DeleteFunc(slices.Clone(a.rows), func(r *oracleRow) bool {
		return slices.ContainsFunc(conditions, func(c condition) bool { return !r.holds(c) })
	})
	if n := got.total(t); n != len(matches) {
		t.Fatalf("%s %v: total_entries %d, want %d", path, query, n, len(matches))
	}
	if got.Skip != skip || got.Limit != min(limit, maxLimit) {
		t.Fatalf("%s %v: echoes skip %d, limit %d", path, query, got.Skip, got.Limit)
	}
	order := func(x, y *oracleRow) int {
		if sortBy == "_id" {
			return strings.Compare(x.ID, y.ID)
		}
		at, _ := x.millis(sortBy)
		other, _ := y.millis(sortBy)
		return cmp.Compare(at, other)
	}
	slices.SortFunc(matches, order)
	if desc {
		slices.Reverse(matches)
	}
	want := matches[min(skip, len(matches)):]
	want = want[:min(min(limit, maxLimit), len(want))]
	if len(got.Items) != len(want) {
		t.Fatalf("%s %v: %d rows, want %d", path, query, len(got.Items), len(want))
	}
	left := map[string]bool{}
	for _, m := range matches {
		left[m.ID] = true
	}
	for i, item := range got.Items {
		row := new(oracleRow)
		if err := json.Unmarshal(item, row); err != nil {
			t.Fatal(err)
		}
		if order(row, want[i]) != 0 { // rows of the same instant may change places
			t.Fatalf("%s %v: row %d is %s, want one like %s", path, query, i, item, want[i].ID)
		}
		if !left[row.ID] {
			t.Fatalf("%s %v: row %d, %s, is a repetition or does not match", path, query, i, row.ID)
		}
		delete(left, row.ID)
	}
}

func TestEveryQueryAgreesWithBruteForce(t *testing.T) {
	for seed := range uint64(3) {
		for _, endpoint := range []string{Dialogs, Messages} {
			for _, q := range []Quirks{{MillisecondTimes: true}, {}} {
				t.Run(fmt.Sprintf("seed %d %s ms=%v", seed, endpoint, q.MillisecondTimes), func(t *testing.T) {
					s := New(Config{Seed: seed, Dialogs: 150, Messages: 400, Weeks: 3, Rate: 0.1, Now: fixedNow, Quirks: q})
					for range 2 {
						a := newAsker(t, s, endpoint, seed)
						for range 80 {
							a.check(t, s)
						}
						s.Step(fixedNow().Add(2 * time.Hour)) // a second time, with live changes
					}
				})
			}
		}
	}
}

func TestLargePagesAreFoundHoweverTheFilterIsSpread(t *testing.T) {
	// More rows than are gathered at once, so that walks and their giving up
	// are met too.
	s := New(Config{Seed: 5, Dialogs: 40, Messages: 3 * gatherMost, Weeks: 8, Now: fixedNow})
	a := newAsker(t, s, Messages, 5)
	for range 60 {
		a.check(t, s)
	}
}

func TestAWalkByCursorMeetsEveryRowOnce(t *testing.T) {
	s := small()
	for path, want := range map[string]int{dialogsPath: 60, messagesPath: 900} {
		seen := map[string]bool{}
		query := []string{"sort_desc", "_id", "limit", "70"}
		for {
			p := get(t, s, path, query...)
			if left := want - len(seen); p.total(t) != left {
				t.Errorf("%s: total_entries %d with %d rows to go", path, p.total(t), left)
			}
			ids := p.ids(t)
			if len(ids) == 0 {
				break
			}
			for _, id := range ids {
				seen[id] = true
			}
			query = []string{"sort_desc", "_id", "limit", "70", "_id[lt]", ids[len(ids)-1]}
		}
		if len(seen) != want {
			t.Errorf("%s: %d rows, want %d", path, len(seen), want)
		}
	}
}
