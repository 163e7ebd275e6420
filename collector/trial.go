package collector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// trial asks the questions that prove or disprove the filters of one endpoint.
type trial struct {
	list  func(context.Context, chatapi.Query) ([]candidate, error)
	count func(context.Context, ...chatapi.Cond) (int64, error)
}

// candidates finds rows to prove filters on, page by page until there are
// enough. No rows leave everything unknown, to be asked again at once; rows of
// which none ever moved make a weak proof. Whether the first sort is obeyed is
// noted where it is one that values depend on.
func (t *trial) candidates(ctx context.Context, out *proofs, enough func([]candidate) bool, sorts ...chatapi.Sort) error {
	if out.rows != nil {
		return nil
	}
	for i, s := range sorts {
		rows, reason, err := t.page(ctx, s)
		if err != nil {
			return err
		}
		if len(rows) == 0 && i == 0 {
			out.empty, out.until = true, time.Time{}
			return nil
		}
		if i == 0 && s == (chatapi.Sort{Field: filterCreated, Desc: true}) {
			out.verdicts[sortCreated] = verdict{known: true, supported: reason == "", reason: reason}
		}
		if out.rows = append(out.rows, rows...); enough(out.rows) {
			break
		}
	}
	if weak := time.Now().Add(weakProofLife); !slices.ContainsFunc(out.rows, moved) && weak.Before(out.until) {
		out.until = weak
	}
	return nil
}

// page fetches rows in an order that should hold still. Where the sort is
// refused or not obeyed, any rows will do, and the reason is returned.
func (t *trial) page(ctx context.Context, s chatapi.Sort) (rows []candidate, reason string, err error) {
	for range 2 { // one stray refusal proves nothing
		rows, err = t.list(ctx, chatapi.Query{Sort: s})
		if reason = disproof(err); reason == "" {
			return rows, "", err
		}
	}
	rows, err = t.list(ctx, chatapi.Query{})
	return rows, reason, err
}

// disproof is the reason why an answer disproves what was asked, or nothing
// if it is no such answer.
func disproof(err error) string {
	if filter, ok := errors.AsType[*chatapi.FilterError](err); ok {
		return filter.Error()
	}
	if api, ok := errors.AsType[*chatapi.Error](err); ok && api.Invalid() {
		return fmt.Sprintf("refused with %d", api.Status)
	}
	return ""
}

// hopeless tells whether other calls would fail just the same.
func hopeless(err error) bool {
	api, ok := errors.AsType[*chatapi.Error](err)
	if !ok {
		return err != nil
	}
	switch api.Kind {
	case chatapi.KindKey, chatapi.KindNetwork, chatapi.KindTimeout, chatapi.KindThrottled:
		return true
	}
	return api.Refused() || api.Status == 429
}

// question is a count of which the row decides the answer.
type question struct {
	where []chatapi.Cond
	want  int64
	means string // what another answer says of the API
}

// timeQuestions prove a time field: pinned to one row of time t, the window
// [t, t+1) counts 1, and its neighbours on both sides count 0.
func timeQuestions(f chatapi.TimeField) func(candidate) []question {
	return func(c candidate) []question {
		at := c.created
		switch f {
		case chatapi.UpdatedAt:
			at = c.updated
		case chatapi.LastMessageDateSent:
			at = c.lastMessage
		}
		return []question{
			{f.In(at, at+1), 1, "the second of a known row"},
			{f.In(at-1, at), 0, "the second before a known row"},
			{f.In(at+1, at+2), 0, "the second after a known row"},
		}
	}
}

// typeQuestions prove type=N.
func typeQuestions(c candidate) []question {
	other := 3
	if c.code == other {
		other = 2
	}
	return []question{
		{[]chatapi.Cond{chatapi.Type(chatapi.Eq, c.code)}, 1, "the type of a known row"},
		{[]chatapi.Cond{chatapi.Type(chatapi.Eq, other)}, 0, "another type than a known row's"},
	}
}

// ninQuestions prove type[nin], which is documented for users' lists only.
func ninQuestions(c candidate) []question {
	var but []int
	for code := 1; code <= 4; code++ {
		if code != c.code {
			but = append(but, code)
		}
	}
	return []question{
		{[]chatapi.Cond{chatapi.Type(chatapi.Nin, append(but, c.code)...)}, 0, "all types but a known row's and others"},
		{[]chatapi.Cond{chatapi.Type(chatapi.Nin, but...)}, 1, "no type but others than a known row's"},
	}
}

// filter notes the verdict on one filter, unless there is one already. Only an
// error that any other request would meet too ends the whole proof.
func (t *trial) filter(ctx context.Context, out *proofs, name string, rows []candidate, questions func(candidate) []question) error {
	if _, done := out.verdicts[name]; done {
		return nil
	}
	v, err := t.prove(ctx, rows, questions)
	if err != nil && (ctx.Err() != nil || hopeless(err)) {
		return err
	}
	if err != nil {
		v = verdict{reason: err.Error(), err: fmt.Errorf("proving the filter %s: %w", name, err)}
	}
	out.verdicts[name] = v
	return nil
}

// prove puts the questions about a row. A wrong answer disproves the filter
// only if the row is afterwards what it was before; else another row is tried.
func (t *trial) prove(ctx context.Context, rows []candidate, questions func(candidate) []question) (verdict, error) {
	if len(rows) == 0 {
		return verdict{reason: "no row to prove it on yet"}, nil
	}
	for _, row := range rows[:min(len(rows), maxCandidates)] {
		reason, err := t.ask(ctx, row, questions(row))
		if err != nil {
			return verdict{}, err
		}
		if reason == "" {
			return verdict{known: true, supported: true}, nil
		}
		still, err := t.still(ctx, row)
		if err != nil {
			return verdict{}, err
		}
		if still {
			return verdict{known: true, reason: reason}, nil
		}
	}
	return verdict{reason: "the rows to prove it on kept changing"}, nil
}

// ask puts each question, and once more if the answer is wrong: one stray
// refusal proves nothing.
func (t *trial) ask(ctx context.Context, row candidate, questions []question) (reason string, err error) {
	for _, q := range questions {
		for range 2 {
			var n int64
			n, err = t.count(ctx, append(chatapi.ID.Only(row.id), q.where...)...)
			reason = disproof(err)
			if err == nil && n != q.want {
				reason = fmt.Sprintf("%s counts %d rows, not %d", q.means, n, q.want)
			}
			if reason == "" {
				break
			}
		}
		if reason != "" || err != nil {
			break
		}
	}
	if reason != "" {
		err = nil
	}
	return reason, err
}

// still tells whether a row is there and unchanged.
func (t *trial) still(ctx context.Context, row candidate) (bool, error) {
	rows, err := t.list(ctx, chatapi.Query{Where: chatapi.ID.Only(row.id), Limit: 1})
	if disproof(err) != "" {
		return true, nil // not even _id is honoured: the answer disproves
	}
	return len(rows) == 1 && rows[0] == row, err
}
