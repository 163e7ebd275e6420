package collector

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// trial asks the questions that prove or disprove the filters of one endpoint.
type trial struct {
	list  func(context.Context, chatapi.Query) ([]candidate, error)
	count func(context.Context, ...chatapi.Cond) (int64, error)
}

// page fetches rows in an order that should hold still. Where the sort is
// refused or not obeyed, any rows will do, and the reason is returned.
func (t *trial) page(ctx context.Context, s chatapi.Sort) (rows []candidate, reason string, err error) {
	rows, err = t.list(ctx, chatapi.Query{Sort: s})
	if reason = disproof(err); reason == "" {
		return rows, "", err
	}
	rows, err = t.list(ctx, chatapi.Query{})
	return rows, reason, err
}

// disproof is the reason why an answer disproves what was asked, or nothing
// if it is no such answer.
func disproof(err error) string {
	var (
		api    *chatapi.Error
		filter *chatapi.FilterError
	)
	switch {
	case errors.As(err, &filter):
		return filter.Error()
	case errors.As(err, &api) && api.Invalid():
		return fmt.Sprintf("refused with %d", api.Status)
	}
	return ""
}

// question is a count of which the row decides the answer.
type question struct {
	where []chatapi.Cond
	want  int64
	means string // what another answer says of the API
}

// timeFilter proves a time field: pinned to one row of time t, the window
// [t, t+1) counts 1, and its neighbours on both sides count 0.
func (t *trial) timeFilter(ctx context.Context, out *proofs, f chatapi.TimeField, rows []candidate) error {
	if out.verdicts[string(f)].known {
		return nil
	}
	v, err := t.prove(ctx, rows, func(c candidate) []question {
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
	})
	out.verdicts[string(f)] = v
	return err
}

// typeFilters proves type=N, and type[nin] on its own.
func (t *trial) typeFilters(ctx context.Context, out *proofs, rows []candidate) error {
	if out.verdicts[filterType].known {
		return nil
	}
	v, err := t.prove(ctx, rows, func(c candidate) []question {
		return []question{
			{[]chatapi.Cond{chatapi.Type(chatapi.Eq, c.code)}, 1, "the type of a known row"},
			{[]chatapi.Cond{chatapi.Type(chatapi.Eq, otherCode(c.code))}, 0, "another type than a known row's"},
		}
	})
	out.verdicts[filterType] = v
	if err != nil || !v.supported {
		return err
	}
	v, err = t.prove(ctx, rows, func(c candidate) []question {
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
	})
	out.verdicts[filterTypeNin] = v
	return err
}

func otherCode(code int) int {
	if code == 3 {
		return 2
	}
	return 3
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

func (t *trial) ask(ctx context.Context, row candidate, questions []question) (reason string, err error) {
	for _, q := range questions {
		n, err := t.count(ctx, append(chatapi.ID.Only(row.id), q.where...)...)
		switch reason := disproof(err); {
		case reason != "":
			return reason, nil
		case err != nil:
			return "", err
		case n != q.want:
			return fmt.Sprintf("%s counts %d rows, not %d", q.means, n, q.want), nil
		}
	}
	return "", nil
}

// still tells whether a row is there and unchanged.
func (t *trial) still(ctx context.Context, row candidate) (bool, error) {
	rows, err := t.list(ctx, chatapi.Query{Where: chatapi.ID.Only(row.id), Limit: 1})
	if disproof(err) != "" {
		return true, nil // not even _id is honoured: the answer disproves
	}
	return len(rows) == 1 && rows[0] == row, err
}
