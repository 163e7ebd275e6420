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
		err = fmt.Errorf("changing dialog %s%s: %w; it is not known whether the API made the change; to see, use dialog show %s", d.id, what, interrupted(ctx, err), d.id)
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
	if !errors.As(err, &e) || e.Kind != chatapi.KindStatus {
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
	see := fmt.Sprintf("to see, use dialog show %s", d.id)
	switch {
	case e.Kind == chatapi.KindDecode || e.Kind == chatapi.KindTooLarge:
		return "the API reported success but did not return the dialog, so it is not known whether it made the change; " + see
	case e.Unsettled():
		return "it is not known whether the API made the change, which is not sent a second time; " + see
	case e.Kind != chatapi.KindStatus:
		return "nothing was sent"
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return "nothing was changed: the key was accepted when the dialog was read a moment ago, so either it has been replaced since, or it may not change dialogs"
	case http.StatusForbidden:
		return "nothing was changed: the key was accepted when the dialog was read a moment ago, so it is this change that is not allowed, such as one of the occupants of a private dialog"
	case http.StatusNotFound:
		return "nothing was changed: the dialog was there a moment ago, so either it has been deleted since, or this API has no Dialog Update; " + see
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return "nothing was changed: the API considers the change invalid; --dry-run shows the request"
	case http.StatusTooManyRequests:
		pause := "a while"
		if e.RetryAfter > 0 {
			pause = e.RetryAfter.Round(time.Second).String()
		}
		return "nothing was changed: the API gets too many requests, from this program or from others; try again in " + pause + ", and lower --api.rate-limit if this lasts"
	}
	return "nothing was changed" + redirected(err)
}
