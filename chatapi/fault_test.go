package chatapi_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

func asError(err error) *chatapi.Error {
	e, _ := errors.AsType[*chatapi.Error](err)
	return e
}

func codeOf(err error) string {
	if e := asError(err); e != nil {
		return e.Code()
	}
	return "untyped"
}

// call is one way to use an endpoint; value is what it got, as a number that is
// zero for nothing.
type call struct {
	endpoint chatapi.Endpoint
	name     string
	do       func(context.Context, *rig) (value int64, err error)
}

func calls() []call {
	return []call{
		{chatapi.Dialogs, "count", func(ctx context.Context, r *rig) (int64, error) {
			return r.client.CountDialogs(ctx)
		}},
		{chatapi.Messages, "count", func(ctx context.Context, r *rig) (int64, error) {
			return r.client.CountMessages(ctx)
		}},
		{chatapi.Dialogs, "page", func(ctx context.Context, r *rig) (int64, error) {
			page, err := r.client.Dialogs(ctx, page())
			return page.Total + int64(len(page.Items)), err
		}},
		{chatapi.Messages, "page", func(ctx context.Context, r *rig) (int64, error) {
			page, err := r.client.Messages(ctx, page())
			return page.Total + int64(len(page.Items)), err
		}},
		{chatapi.DialogUpdate, "update", func(ctx context.Context, r *rig) (int64, error) {
			id, _ := chatapi.ParseObjectID(r.server.Truth().Dialogs[0].ID)
			name := "renamed"
			dialog, err := r.client.UpdateDialog(ctx, id, chatapi.DialogChange{Name: &name})
			return int64(dialog.Type) + dialog.CreatedAt, err
		}},
	}
}

func page() chatapi.Query {
	return chatapi.Query{Limit: 10, Sort: chatapi.Sort{Field: "_id", Desc: true}}
}

// outcome is what a call is to make of a fault that does not end.
type outcome struct {
	kind      chatapi.Kind // "": the call succeeds all the same
	status    int
	retryable bool
	requests  int           // of a GET; a PUT is never repeated
	lasts     time.Duration // exactly; 0: not looked at
	says      string        // in the error
}

// anywhere are the faults that can befall every endpoint.
var anywhere = map[string]struct {
	fault chatapitest.Fault
	outcome
}{
	"400": {chatapitest.Fault{Kind: chatapitest.Status, Status: 400}, outcome{kind: chatapi.KindStatus, status: 400, requests: 1, says: "400 Bad Request"}},
	"401": {chatapitest.Fault{Kind: chatapitest.Status, Status: 401}, outcome{kind: chatapi.KindStatus, status: 401, requests: 1, says: "--api.key-file"}},
	"403": {chatapitest.Fault{Kind: chatapitest.Status, Status: 403}, outcome{kind: chatapi.KindStatus, status: 403, requests: 1, says: "--api.key-file"}},
	"404": {chatapitest.Fault{Kind: chatapitest.Status, Status: 404}, outcome{kind: chatapi.KindStatus, status: 404, requests: 1, says: "--api.url"}},
	"422": {chatapitest.Fault{Kind: chatapitest.Status, Status: 422}, outcome{kind: chatapi.KindStatus, status: 422, requests: 1}},
	"429": {chatapitest.Fault{Kind: chatapitest.Status, Status: 429}, outcome{kind: chatapi.KindStatus, status: 429, retryable: true, requests: 4, says: "--api.rate-limit"}},
	"500": {chatapitest.Fault{Kind: chatapitest.Status}, outcome{kind: chatapi.KindStatus, status: 500, retryable: true, requests: 4}},
	"502": {chatapitest.Fault{Kind: chatapitest.Status, Status: 502, Shape: chatapitest.BodyHTML}, outcome{kind: chatapi.KindStatus, status: 502, retryable: true, requests: 4, says: "502 Bad Gateway"}},
	"503": {chatapitest.Fault{Kind: chatapitest.Status, Status: 503, Shape: chatapitest.BodyEmpty}, outcome{kind: chatapi.KindStatus, status: 503, retryable: true, requests: 4}},

	"429, come back in three seconds": {
		chatapitest.Fault{Kind: chatapitest.Status, Status: 429, RetryAfter: "3"},
		outcome{kind: chatapi.KindStatus, status: 429, retryable: true, requests: 4, lasts: 9 * time.Second, says: "retry after 3s"},
	},
	"503, come back in a quarter of an hour": {
		chatapitest.Fault{Kind: chatapitest.Status, Status: 503, RetryAfter: "900"},
		outcome{kind: chatapi.KindStatus, status: 503, retryable: true, requests: 1, says: "retry after 15m0s"},
	},

	"reset":             {chatapitest.Fault{Kind: chatapitest.Reset}, outcome{kind: chatapi.KindNetwork, retryable: true, requests: 4, says: "connection reset"}},
	"reset in the body": {chatapitest.Fault{Kind: chatapitest.ResetMidBody}, outcome{kind: chatapi.KindNetwork, retryable: true, requests: 4, says: "unexpected EOF"}},
	"hang":              {chatapitest.Fault{Kind: chatapitest.Hang}, outcome{kind: chatapi.KindTimeout, retryable: true, requests: 1, lasts: 10 * time.Second, says: "--api.timeout"}},
	"drip":              {chatapitest.Fault{Kind: chatapitest.Drip}, outcome{kind: chatapi.KindTimeout, retryable: true, requests: 1, lasts: 10 * time.Second, says: "--api.timeout"}},
	"slow":              {chatapitest.Fault{Kind: chatapitest.Delay, Interval: 9 * time.Second}, outcome{requests: 1, lasts: 9 * time.Second}},
	"gzip":              {chatapitest.Fault{Kind: chatapitest.Gzip}, outcome{requests: 1}},
	"truncated":         {chatapitest.Fault{Kind: chatapitest.Truncated}, outcome{kind: chatapi.KindDecode, requests: 1, says: "broken JSON"}},
	"HTML":              {chatapitest.Fault{Kind: chatapitest.HTML}, outcome{kind: chatapi.KindDecode, requests: 1, says: "the reply is not a JSON object"}},
	"redirect":          {chatapitest.Fault{Kind: chatapitest.Redirect, Location: "https://elsewhere.test/"}, outcome{kind: chatapi.KindStatus, status: 302, requests: 1, says: "https://elsewhere.test not followed"}},
}

// inLists are the faults of list replies.
var inLists = map[string]struct {
	fault chatapitest.Fault
	outcome
}{
	"total missing":     {chatapitest.Fault{Kind: chatapitest.TotalMissing}, unusable("field total_entries: is missing")},
	"total negative":    {chatapitest.Fault{Kind: chatapitest.TotalNegative}, unusable("field total_entries: is negative")},
	"total a string":    {chatapitest.Fault{Kind: chatapitest.TotalString}, unusable("field total_entries: is not an integer")},
	"total a fraction":  {chatapitest.Fault{Kind: chatapitest.TotalFloat}, unusable("field total_entries: is not an integer")},
	"total null":        {chatapitest.Fault{Kind: chatapitest.TotalNull}, unusable("field total_entries: is not an integer")},
	"total over 64 bit": {chatapitest.Fault{Kind: chatapitest.TotalRaw, RawValue: "92233720368547758080"}, unusable("field total_entries: is not an integer")},
	"total a power":     {chatapitest.Fault{Kind: chatapitest.TotalRaw, RawValue: "1e2"}, unusable("field total_entries: is not an integer")},
	"total too small":   {chatapitest.Fault{Kind: chatapitest.TotalRaw, RawValue: "0"}, unusable("field total_entries: is smaller than the number of rows")},
	"items missing":     {chatapitest.Fault{Kind: chatapitest.ItemsMissing}, unusable("field items: is missing")},
	"items null":        {chatapitest.Fault{Kind: chatapitest.ItemsNull}, unusable("field items: is not a list")},
	"huge":              {chatapitest.Fault{Kind: chatapitest.Huge}, outcome{kind: chatapi.KindTooLarge, requests: 1, says: "larger than 8 MiB"}},
	"empty page":        {chatapitest.Fault{Kind: chatapitest.EmptyPage}, unusable("field items: is empty although rows match")},
}

func unusable(says string) outcome {
	return outcome{kind: chatapi.KindDecode, requests: 1, says: "unusable answer: " + says}
}

func TestFaults(t *testing.T) {
	for _, c := range calls() {
		for name, f := range anywhere {
			t.Run(string(c.endpoint)+"/"+c.name+"/"+name, func(t *testing.T) { testFault(t, c, f.fault, f.outcome) })
		}
		if c.endpoint == chatapi.DialogUpdate {
			continue
		}
		for name, f := range inLists {
			t.Run(string(c.endpoint)+"/"+c.name+"/"+name, func(t *testing.T) { testFault(t, c, f.fault, f.outcome) })
		}
	}
}

// testFault makes a call before a fault, during it and after it.
func testFault(t *testing.T, c call, fault chatapitest.Fault, want outcome) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 40, Messages: 60})
		truth, err := c.do(ctx, r)
		if err != nil {
			t.Fatalf("before the fault: %v", err)
		}
		r.server.ResetRequests()
		*r.seen = recorder{}
		r.server.Inject(fault)

		began := time.Now()
		got, err := c.do(ctx, r)
		lasted := time.Since(began)
		r.checkCall(c.endpoint, err, want)
		if want.kind == "" {
			if got != truth {
				t.Errorf("got %d, want %d", got, truth)
			}
		} else if got != 0 {
			t.Errorf("got %d beside an error, want nothing", got)
		}
		if want.lasts > 0 && (c.endpoint != chatapi.DialogUpdate || want.requests == 1) && lasted != want.lasts {
			t.Errorf("the call lasted %v, want %v", lasted, want.lasts)
		}

		r.server.ClearFaults()
		time.Sleep(max(r.client.PauseLeft(), time.Second))
		if got, err = c.do(ctx, r); err != nil || got != truth {
			t.Errorf("after the fault: got %d, %v; want %d", got, err, truth)
		}
		r.private()
	})
}

// checkCall holds the error, and what server and observer saw, against the
// outcome wanted of one call.
func (r *rig) checkCall(e chatapi.Endpoint, err error, want outcome) {
	r.t.Helper()
	tries := want.requests
	if e == chatapi.DialogUpdate {
		tries = 1
	}
	code, result := "200", "ok"
	if want.kind != "" {
		got := asError(err)
		if got == nil {
			r.t.Fatalf("got error %v, want one of kind %s", err, want.kind)
		}
		if got.Kind != want.kind || got.Status != want.status || got.Retryable != want.retryable || got.Endpoint != e {
			r.t.Errorf("got %s, status %d, retryable %v, endpoint %s: %v", got.Kind, got.Status, got.Retryable, got.Endpoint, err)
		}
		if !strings.Contains(err.Error(), want.says) {
			r.t.Errorf("got error %q, want it to say %q", err, want.says)
		}
		if (got.Refused() != (want.status == 401 || want.status == 403)) || (got.Invalid() != (want.status == 400 || want.status == 422)) {
			r.t.Errorf("Refused %v, Invalid %v with status %d", got.Refused(), got.Invalid(), want.status)
		}
		r.private(err.Error())
		code = got.Code()
		result = code
	} else if err != nil {
		r.t.Errorf("got error %v, want none", err)
	}
	if n := len(r.server.Requests()); n != tries {
		r.t.Errorf("the server got %d requests, want %d", n, tries)
	}
	s := string(e) + " "
	if !slices.Equal(r.seen.requests, times(tries, s+code)) ||
		!slices.Equal(r.seen.retries, times(tries-1, s+code)) ||
		!slices.Equal(r.seen.calls, times(1, s+result)) {
		r.t.Errorf("observed %s; want %d requests and %d retries with code %s, and one call", r.seen, tries, tries-1, code)
	}
}

// A fault that one request meets is not seen by the caller, if the request may
// be repeated.
func TestPassingFaults(t *testing.T) {
	for _, c := range calls() {
		if c.endpoint == chatapi.DialogUpdate {
			continue
		}
		for name, f := range anywhere {
			if !f.retryable || f.requests == 1 {
				continue
			}
			t.Run(string(c.endpoint)+"/"+c.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 40, Messages: 60})
					truth, _ := c.do(t.Context(), r)
					f.fault.Count = 3
					r.server.Inject(f.fault)
					*r.seen = recorder{}
					if got, err := c.do(t.Context(), r); err != nil || got != truth {
						t.Errorf("got %d, %v; want %d", got, err, truth)
					}
					code := "network"
					if f.status != 0 {
						code = strconv.Itoa(f.status)
					}
					want := string(c.endpoint) + " "
					if !slices.Equal(r.seen.retries, times(3, want+code)) || !slices.Equal(r.seen.calls, []string{want + "ok"}) {
						t.Errorf("observed %s", r.seen)
					}
				})
			})
		}
	}
}

// A page may be shorter than asked for; only a walk can tell what became of the
// rest.
func TestShortPageIsNoFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 40})
		r.server.Inject(chatapitest.Fault{Kind: chatapitest.ShortPage})
		got, err := r.client.Dialogs(t.Context(), page())
		if err != nil || len(got.Items) != 5 || got.Total != 40 {
			t.Errorf("got %d rows of %d, %v; want 5 of 40", len(got.Items), got.Total, err)
		}
	})
}

func TestRepeatedAndUnsortedRows(t *testing.T) {
	for kind, says := range map[chatapitest.Kind]string{
		chatapitest.RepeatedRows: "holds a row twice",
		chatapitest.UnsortedPage: "sort by _id: was not obeyed",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, chatapitest.Config{Seed: 1, Dialogs: 40, Messages: 60})
			r.server.Inject(chatapitest.Fault{Kind: kind})
			_, err := r.client.Dialogs(t.Context(), page())
			if err == nil || codeOf(err) != "decode" || !strings.Contains(err.Error(), says) {
				t.Errorf("dialogs: got %v, want %q", err, says)
			}
			_, err = r.client.Messages(t.Context(), page())
			if err == nil || codeOf(err) != "decode" || !strings.Contains(err.Error(), says) {
				t.Errorf("messages: got %v, want %q", err, says)
			}
		})
	}
}
