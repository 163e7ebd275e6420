package chatapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Kind says at which step a call failed.
type Kind string

// The kinds of an [Error].
const (
	KindStatus    Kind = "status"    // the API answered with a status other than 2xx
	KindTimeout   Kind = "timeout"   // no complete answer in time
	KindNetwork   Kind = "network"   // no connection, or it broke
	KindDecode    Kind = "decode"    // an answer that proves nothing
	KindTooLarge  Kind = "too_large" // a body over the cap
	KindKey       Kind = "key"       // no usable key; nothing was sent
	KindThrottled Kind = "throttled" // the API asked for a pause that lasts too long to wait; nothing was sent
)

// Error is a call that failed. Its text holds no key, no URL, no row values and
// nothing that the vendor wrote, since error bodies may quote people's data:
// only Message does, cut, cleaned and masked, for who asks for it.
type Error struct {
	Endpoint   Endpoint
	Kind       Kind
	Status     int           // with KindStatus
	Message    string        // the vendor's, with KindStatus
	RetryAfter time.Duration // what the API asked for, or what is left of it; 0: nothing
	Retryable  bool          // a later call may succeed with no change of settings
	Err        error         // the cause, if there is one

	notSent bool // the request surely did not reach the API
}

func (e *Error) Error() string {
	text := "asking for " + string(e.Endpoint) + ": "
	switch e.Kind {
	case KindStatus:
		text += strconv.Itoa(e.Status)
		if s := http.StatusText(e.Status); s != "" {
			text += " " + s
		}
		switch e.Status {
		case http.StatusUnauthorized, http.StatusForbidden:
			text += " (is the key file, --api.key-file or api_key_file, that of this application, and its plan Advanced or higher?)"
		case http.StatusNotFound:
			if e.Endpoint == DialogUpdate {
				text += " (is there such a dialog, and --api.url right?)"
			} else {
				text += " (is --api.url right?)"
			}
		case http.StatusTooManyRequests:
			text += " (lower --api.rate-limit if this lasts)"
		}
	case KindTimeout:
		text += "no complete answer in time (--api.timeout)"
	case KindTooLarge:
		text += fmt.Sprintf("the answer is larger than %d MiB", maxBody>>20)
	case KindThrottled:
		if e.RetryAfter > 0 {
			text += "not sent, since the API asked for a pause"
		} else {
			text += "no place under the rate limit in time (--api.rate-limit)"
		}
	case KindDecode:
		text += "unusable answer"
	case KindNetwork:
		text += "no connection"
	case KindKey:
		text += "no usable key (--api.key-file, or api_key_file of the application)"
	}
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(", retry after %s", e.RetryAfter.Round(time.Second))
	}
	if e.Err != nil && e.Kind != KindTimeout {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Code is the value of the metrics' label code: the HTTP status, or the kind.
func (e *Error) Code() string {
	if e.Kind == KindStatus {
		return strconv.Itoa(e.Status)
	}
	return string(e.Kind)
}

// Refused tells whether the API declined the key.
func (e *Error) Refused() bool {
	return e.Kind == KindStatus && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden)
}

// Invalid tells whether the API declined the request itself, as it does with
// a filter that it does not have.
func (e *Error) Invalid() bool {
	return e.Kind == KindStatus && (e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity)
}

// FilterError is an answer that a filter, sort or cursor of ours did not shape.
// It is the cause of an [Error] of KindDecode.
type FilterError struct {
	Filter string // such as "created_at[lt]", "sort by _id"
	Row    int    // -1: not one row
	What   string
}

func (e *FilterError) Error() string {
	if e.Row < 0 {
		return fmt.Sprintf("%s: %s", e.Filter, e.What)
	}
	return fmt.Sprintf("%s: row %d %s", e.Filter, e.Row, e.What)
}

// transportError classifies what http.Client returned. The error of
// http.Client names the URL; only its cause is kept.
func transportError(e Endpoint, err error) *Error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err
	}
	out := &Error{Endpoint: e, Kind: KindNetwork, Err: err, Retryable: true}
	var (
		netErr  net.Error
		opErr   *net.OpError
		certErr *tls.CertificateVerificationError
		hostErr x509.HostnameError
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		out.Kind = KindTimeout
	case errors.As(err, &certErr), errors.As(err, &hostErr):
		out.Retryable, out.notSent = false, true
	}
	if errors.As(err, &opErr) && opErr.Op == "dial" {
		out.notSent = true
	}
	return out
}
