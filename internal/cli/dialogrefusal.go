package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/internal/dialog"
)

// failed tells why the i-th of the requests failed, what became of the change,
// and what to do.
func (d *desk) failed(ctx context.Context, err error, requests []dialog.Request, i int) error {
	what := ""
	if len(requests) > 1 {
		what = fmt.Sprintf(" (request %d of %d, %s)", i+1, len(requests), requests[i].What)
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("changing dialog %s%s: %w; it is not known whether the API made the change, dialog show %s tells", d.id, what, interrupted(ctx, err), d.id)
	} else {
		err = fmt.Errorf("changing dialog %s%s: %s%s; %s", d.id, what, happened(err), vendorSays(err), d.outcome(err))
	}
	if len(requests) == 1 {
		return err
	}
	return fmt.Errorf("%w. Done before: %s. Not tried: %s. The same command again does what is left", err, whats(requests[:i]), whats(requests[i+1:]))
}

func whats(requests []dialog.Request) string {
	if len(requests) == 0 {
		return "none"
	}
	texts := make([]string, len(requests))
	for i, r := range requests {
		texts[i] = r.What
	}
	return strings.Join(texts, "; ")
}

// happened is the error without the advice that is for requests of which nothing
// is known: here the API answered a look a moment ago.
func happened(err error) string {
	var e *chatapi.Error
	if !errors.As(err, &e) || e.Status < 400 {
		return err.Error()
	}
	text := strings.TrimSpace(fmt.Sprintf("the API answered %d %s", e.Status, http.StatusText(e.Status)))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// outcome says whether the change was made, and what can be done.
func (d *desk) outcome(err error) string {
	var e *chatapi.Error
	if !errors.As(err, &e) {
		return "nothing was sent"
	}
	tells := fmt.Sprintf("dialog show %s tells", d.id)
	switch {
	case e.Kind == chatapi.KindDecode || e.Kind == chatapi.KindTooLarge:
		return "the API answered that all is well, but not with the dialog: whether it made the change is not known, " + tells
	case e.Unsettled():
		return "whether the API made the change is not known, since a change is never sent twice: " + tells
	case e.Kind != chatapi.KindStatus:
		return "nothing was sent"
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return "nothing was changed: the key was good for the look at the dialog a moment ago, so it was changed meanwhile, or it may not update"
	case http.StatusForbidden:
		return "nothing was changed: the key was good for the look at the dialog a moment ago, so it is the change that is not allowed, such as one of the occupants of a private dialog"
	case http.StatusNotFound:
		return "nothing was changed: the dialog was there a moment ago, so it was deleted meanwhile, or this API has no Dialog Update; " + tells
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return "nothing was changed: the API takes the change for invalid; --dry-run shows what it was sent"
	case http.StatusTooManyRequests:
		pause := "a while"
		if e.RetryAfter > 0 {
			pause = e.RetryAfter.Round(time.Second).String()
		}
		return "nothing was changed: the API is asked too often, by this program or by others; try again in " + pause + ", and lower --api.rate-limit if this lasts"
	}
	return "nothing was changed"
}
