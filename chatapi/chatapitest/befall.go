package chatapitest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"net/http"
	"strings"
	"time"
)

// befall lets a fault happen that needs nothing of the API. It tells whether
// the request is done with.
func (s *Server) befall(x *exchange) bool {
	f := x.fault
	switch f.Kind {
	case Reset:
		panic(http.ErrAbortHandler)
	case Hang:
		released := s.faults.hang()
		defer s.faults.unhang(released)
		select {
		case <-x.r.Context().Done():
			return true
		case <-released:
			return false
		}
	case Delay:
		return !x.sleep(cmp.Or(f.Interval, time.Second))
	case Status:
		if f.RetryAfter != "" {
			x.w.Header().Set("Retry-After", f.RetryAfter)
		}
		p := &problem{status: cmp.Or(f.Status, http.StatusInternalServerError), shape: f.Shape}
		p.text = http.StatusText(p.status)
		if f.Body == "" {
			s.refuse(x, p)
			return true
		}
		contentType := typeText
		switch body := strings.TrimSpace(f.Body); {
		case strings.HasPrefix(body, "{"), strings.HasPrefix(body, "["):
			contentType = typeJSON
		case strings.HasPrefix(body, "<"):
			contentType = typeHTML
		}
		s.send(x, p.status, contentType, []byte(f.Body))
	case HTML:
		s.refuse(x, &problem{status: http.StatusOK, shape: BodyHTML, text: "sign in"})
	case Redirect:
		x.w.Header().Set("Location", f.Location)
		s.send(x, cmp.Or(f.Status, http.StatusFound), typeText, nil)
	case Huge:
		s.log.answer(x.seq, http.StatusOK)
		s.huge(x)
	default:
		return false
	}
	return true
}

// sleep tells whether the client is still there after d.
func (x *exchange) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.r.Context().Done():
		return false
	}
}

// huge streams a page whose rows repeat until there are enough bytes.
func (s *Server) huge(x *exchange) {
	size := cmp.Or(x.fault.Size, 16<<20)
	row := s.anyRow(x.endpoint)
	x.w.Header().Set("Content-Type", typeJSON)
	x.w.WriteHeader(http.StatusOK)
	chunk := bytes.Repeat(append(row, ','), 1+(64<<10)/len(row))
	if _, err := x.w.Write([]byte(`{"total_entries":1,"skip":0,"limit":100,"items":[`)); err != nil {
		return
	}
	for sent := 0; sent < size; sent += len(chunk) {
		if _, err := x.w.Write(chunk); err != nil {
			return
		}
	}
	_, _ = x.w.Write(append(row, "]}"...))
}

func (s *Server) anyRow(endpoint string) []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if endpoint != Messages {
		endpoint = Dialogs
	}
	rows := s.view(endpoint, newFilter()).page(byID, true, 0, 1)
	switch {
	case len(rows) == 0:
		return []byte(`{"_id":"000000000000000000000000"}`)
	case endpoint == Messages:
		return s.appendMessage(nil, rows[0], nil)
	}
	return s.appendDialog(nil, rows[0], nil)
}

// spoil sends a reply in a broken or unusual way; false leaves it to the usual.
func (f *Fault) spoil(x *exchange, status int, contentType string, body []byte) bool {
	h := x.w.Header()
	half := body[:len(body)/2]
	switch f.Kind {
	case ResetMidBody:
		h.Set("Content-Type", contentType)
		x.w.WriteHeader(status)
		_, _ = x.w.Write(half)
		_ = http.NewResponseController(x.w).Flush()
		panic(http.ErrAbortHandler)
	case Truncated:
		h.Set("Content-Type", contentType)
		x.w.WriteHeader(status)
		_, _ = x.w.Write(half)
		return true
	case Drip:
		h.Set("Content-Type", contentType)
		x.w.WriteHeader(status)
		for i := range body {
			if !x.sleep(cmp.Or(f.Interval, time.Second)) {
				return true
			}
			if _, err := x.w.Write(body[i : i+1]); err != nil {
				return true
			}
			_ = http.NewResponseController(x.w).Flush()
		}
		return true
	case Gzip:
		if !strings.Contains(x.r.Header.Get("Accept-Encoding"), "gzip") {
			return false
		}
		h.Set("Content-Type", contentType)
		h.Set("Content-Encoding", "gzip")
		x.w.WriteHeader(status)
		z := gzip.NewWriter(x.w)
		_, _ = z.Write(body)
		_ = z.Close()
		return true
	}
	return false
}
