package chatapi_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// hour is an application with a dialog and a message created at each minute of
// an hour, and updated an hour later.
func hour(t *testing.T, quirks chatapitest.Quirks) (r *rig, start int64) {
	r = newRig(t, chatapitest.Config{Quirks: quirks})
	begin := time.Now().Add(-3 * time.Hour).Truncate(time.Hour)
	for i := range 60 {
		at := begin.Add(time.Duration(i) * time.Minute)
		later := at.Add(time.Hour)
		id := r.server.CreateDialog(chatapitest.DialogSpec{Type: 2 + i%2, CreatedAt: at, UpdatedAt: later, LastMessageSent: at})
		r.server.CreateMessage(chatapitest.MessageSpec{DialogID: id, CreatedAt: at, UpdatedAt: later})
	}
	return r, begin.Unix()
}

// A server that does not do what a filter says is caught as soon as a row shows
// it: the answer is an error that names the filter, not a number.
func TestWrongServers(t *testing.T) {
	const minute = 60
	mode := func(field string, mode chatapitest.FilterMode) chatapitest.Quirks {
		return chatapitest.Quirks{Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{
			{Endpoint: chatapitest.Dialogs, Field: field}:  mode,
			{Endpoint: chatapitest.Messages, Field: field}: mode,
		}}
	}
	created := func(start int64) []chatapi.Cond { return chatapi.CreatedAt.In(start+10*minute, start+20*minute) }
	tests := map[string]struct {
		quirks chatapitest.Quirks
		where  func(start int64) []chatapi.Cond
		sort   chatapi.Sort
		only   chatapi.Endpoint
		filter string // "": the answer is right
	}{
		"right": {where: created},
		"created_at dropped": {
			quirks: mode("created_at", chatapitest.Dropped), where: created, filter: "created_at[gte]",
			sort: chatapi.Sort{Field: "created_at"},
		},
		"created_at dropped, newest first": {
			quirks: mode("created_at", chatapitest.Dropped), where: created, filter: "created_at[lt]",
			sort: chatapi.Sort{Field: "created_at", Desc: true},
		},
		"created_at[lt] dropped": {quirks: mode("created_at", chatapitest.LtIgnored), where: created, filter: "created_at[lt]"},
		"created_at[lt] read as [lte]": {
			quirks: mode("created_at", chatapitest.LtAsLte), where: created, filter: "created_at[lt]",
		},
		"created_at read as updated_at": {
			quirks: mode("created_at", chatapitest.Swapped), filter: "created_at[gte]",
			where: func(start int64) []chatapi.Cond { return chatapi.CreatedAt.In(start+70*minute, start+80*minute) },
		},
		"updated_at read as created_at": {
			quirks: mode("updated_at", chatapitest.Swapped), filter: "updated_at[lt]",
			where: func(start int64) []chatapi.Cond {
				return []chatapi.Cond{chatapi.UpdatedAt.Cond(chatapi.Lt, start+30*minute)}
			},
		},
		"created_at in milliseconds": {
			quirks: mode("created_at", chatapitest.Milliseconds), filter: "created_at[gte]",
			where: func(start int64) []chatapi.Cond {
				return []chatapi.Cond{chatapi.CreatedAt.Cond(chatapi.Gte, start+30*minute)}
			},
			sort: chatapi.Sort{Field: "created_at"},
		},
		"type dropped": {
			quirks: mode("type", chatapitest.Dropped), only: chatapi.Dialogs, filter: "type",
			where: func(int64) []chatapi.Cond { return []chatapi.Cond{chatapi.Type(chatapi.Eq, 4)} },
		},
		"type[nin] dropped": {
			quirks: mode("type", chatapitest.NinDropped), only: chatapi.Dialogs, filter: "type[nin]",
			where: func(int64) []chatapi.Cond { return []chatapi.Cond{chatapi.Type(chatapi.Nin, 1, 2, 3)} },
		},
		"last_message_date_sent dropped": {
			quirks: mode("last_message_date_sent", chatapitest.Dropped), only: chatapi.Dialogs, filter: "last_message_date_sent[gte]",
			where: func(start int64) []chatapi.Cond {
				return chatapi.LastMessageDateSent.In(start+90*minute, start+100*minute)
			},
		},
		"chat_dialog_id dropped": {
			quirks: mode("chat_dialog_id", chatapitest.Dropped), only: chatapi.Messages, filter: "chat_dialog_id",
			where: func(int64) []chatapi.Cond {
				return []chatapi.Cond{chatapi.ChatDialogID.Cond(chatapi.Eq, chatapi.ObjectIDAt(time.Now()))}
			},
		},
		"cursor ignored": {
			quirks: chatapitest.Quirks{CursorIgnored: true}, filter: "_id[lte]",
			where: func(start int64) []chatapi.Cond {
				return []chatapi.Cond{chatapi.ID.Cond(chatapi.Lte, chatapi.ObjectIDAt(time.Unix(start+30*minute, 0)))}
			},
		},
		"sort ignored": {
			quirks: chatapitest.Quirks{SortIgnored: true, DefaultOrder: "-created_at"}, where: created, filter: "sort by updated_at",
			sort: chatapi.Sort{Field: "updated_at"},
		},
		"a window without rows": {
			where: func(start int64) []chatapi.Cond { return chatapi.CreatedAt.In(start-20, start-10) },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, start := hour(t, test.quirks)
				q := chatapi.Query{Where: test.where(start), Sort: test.sort}
				lists := map[chatapi.Endpoint]func(context.Context, chatapi.Query) (int64, error){
					chatapi.Dialogs: func(ctx context.Context, q chatapi.Query) (int64, error) {
						page, err := r.client.Dialogs(ctx, q)
						return page.Total, err
					},
					chatapi.Messages: func(ctx context.Context, q chatapi.Query) (int64, error) {
						page, err := r.client.Messages(ctx, q)
						return page.Total, err
					},
				}
				for endpoint, list := range lists {
					if test.only != "" && test.only != endpoint {
						continue
					}
					total, err := list(t.Context(), q)
					if test.filter == "" {
						if err != nil {
							t.Errorf("%s: %v", endpoint, err)
						}
						continue
					}
					wrong, ok := errors.AsType[*chatapi.FilterError](err)
					if !ok || wrong.Filter != test.filter || codeOf(err) != "decode" || asError(err).Retryable || total != 0 {
						t.Errorf("%s: got %d, %v; want an error about %s", endpoint, total, err, test.filter)
					}
				}
			})
		})
	}
}

// A refused filter can be told from other failures.
func TestRefusedFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := hour(t, chatapitest.Quirks{Filter: map[chatapitest.FilterKey]chatapitest.FilterMode{
			{Endpoint: chatapitest.Dialogs, Field: "type"}: chatapitest.Refused422,
		}})
		_, err := r.client.CountDialogs(t.Context(), chatapi.Type(chatapi.Eq, 2))
		if e := asError(err); e == nil || !e.Invalid() || e.Refused() {
			t.Errorf("got %v, want an error that says the request is invalid", err)
		}
	})
}

// Times are cut to seconds whatever form they have, and filters on them agree.
func TestForms(t *testing.T) {
	for name, quirks := range map[string]chatapitest.Quirks{
		"ISO": {}, "ISO with milliseconds": {MillisecondTimes: true}, "unix numbers": {UnixTimes: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, chatapitest.Config{Quirks: quirks})
				at := time.Now().Add(-time.Hour + 600*time.Millisecond)
				id := r.server.CreateDialog(chatapitest.DialogSpec{CreatedAt: at, UpdatedAt: at.Add(time.Minute)})
				for op, want := range map[chatapi.Op]int{chatapi.Gte: 1, chatapi.Lte: 1, chatapi.Lt: 0} {
					if quirks.MillisecondTimes && op == chatapi.Lte {
						want = 0 // half a second past is past
					}
					page, err := r.client.Dialogs(t.Context(), chatapi.Query{Where: []chatapi.Cond{chatapi.CreatedAt.Cond(op, at.Unix())}})
					if err != nil || len(page.Items) != want {
						t.Fatalf("created_at[%s]: got %d rows, %v; want %d", op, len(page.Items), err, want)
					}
					for _, d := range page.Items {
						if d.ID.String() != id || d.CreatedAt != at.Unix() || d.UpdatedAt != at.Unix()+60 || !d.ID.Time().Equal(at.Truncate(time.Second)) {
							t.Errorf("got %+v", d)
						}
					}
				}
			})
		})
	}
}
