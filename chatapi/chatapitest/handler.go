package chatapitest

import (
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const keyHeader = "CB-Administration-API-Key"

// maxBody is how much of a request's body is read.
const maxBody = 1 << 20

// exchange is one request and what becomes of it.
type exchange struct {
	w        http.ResponseWriter
	r        *http.Request
	endpoint string
	dialogID string
	body     []byte
	seq      int
	fault    *Fault // that befalls it, if any
}

// ServeHTTP answers as the API does, or as quirks and faults have it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{w: w, r: r}
	x.endpoint, x.dialogID = s.route(r)
	if r.Body != nil {
		// An unreadable body is an empty one, which no request accepts amiss.
		x.body, _ = io.ReadAll(io.LimitReader(r.Body, maxBody))
	}
	now := s.config.Now()
	received := Request{
		Time: now, Method: r.Method, Path: r.URL.Path, Endpoint: x.endpoint,
		Query: r.URL.Query(), Header: r.Header.Clone(), Body: x.body,
	}
	x.seq = s.log.begin(received)
	defer s.log.end()
	s.dateHeader(w.Header())
	x.fault = s.faults.next(x.endpoint, received.Query, now)
	if x.fault != nil && s.befall(x) {
		return
	}
	s.answer(x)
}

// answer is the reply of a server that is up.
func (s *Server) answer(x *exchange) {
	if x.endpoint == "" {
		s.refuse(x, &problem{status: http.StatusNotFound, shape: BodyText,
			text: fmt.Sprintf("HttpException: E_ROUTE_NOT_FOUND: Cannot %s:%s", x.r.Method, x.r.URL.Path)})
		return
	}
	if bad := s.checkKey(x.r); bad != nil {
		s.refuse(x, bad)
		return
	}
	if x.endpoint == Dialog {
		s.update(x)
		return
	}
	if len(x.body) > 0 {
		s.refuse(x, &problem{status: http.StatusBadRequest, text: "a GET must not have a body"})
		return
	}
	reply, bad := s.list(x)
	if bad != nil {
		s.refuse(x, bad)
		return
	}
	s.send(x, http.StatusOK, typeJSON, reply)
}

func (s *Server) route(r *http.Request) (endpoint, dialogID string) {
	path, ok := strings.CutPrefix(r.URL.Path, s.config.Prefix+"/admin/chat/")
	switch {
	case !ok:
	case r.Method == http.MethodGet && path == "list":
		return Dialogs, ""
	case r.Method == http.MethodGet && path == "messages/list":
		return Messages, ""
	case r.Method == http.MethodPut && path != "" && !strings.Contains(path, "/"):
		return Dialog, path
	}
	return "", ""
}

func (s *Server) dateHeader(h http.Header) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.quirks.NoDate:
		h["Date"] = nil // keeps net/http from adding its own
	case s.quirks.DateText != "":
		h.Set("Date", s.quirks.DateText)
	default:
		h.Set("Date", s.config.Now().Add(s.quirks.Skew).UTC().Format(http.TimeFormat))
	}
}

func (s *Server) checkKey(r *http.Request) *problem {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if subtle.ConstantTimeCompare([]byte(r.Header.Get(keyHeader)), []byte(s.key)) == 1 {
		return nil
	}
	bad := &problem{status: s.quirks.BadKeyStatus, shape: s.quirks.BadKeyBody, field: "key", text: "Forbidden. Need a valid key."}
	if bad.status == 0 {
		bad.status = http.StatusUnauthorized
	}
	return bad
}

// refuse sends an error body, with canary and key where the set-up has them.
func (s *Server) refuse(x *exchange, p *problem) {
	said := *p
	if s.words.canary != "" {
		said.text += " " + s.words.canary + "-error"
	}
	if s.Quirks().EchoKey {
		said.text += " " + x.r.Header.Get(keyHeader)
	}
	contentType, body := said.body()
	s.send(x, p.status, contentType, []byte(body))
}

// send writes a whole reply; a client that has gone is no matter of ours.
func (s *Server) send(x *exchange, status int, contentType string, body []byte) {
	s.log.answer(x.seq, status)
	if x.fault != nil && x.fault.spoil(x, status, contentType, body) {
		return
	}
	x.w.Header().Set("Content-Type", contentType)
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body)
}

// list answers the two GET requests.
func (s *Server) list(x *exchange) ([]byte, *problem) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, bad := s.quirks.parseParams(x.endpoint, x.r.URL.RawQuery)
	if bad != nil {
		return nil, bad
	}
	f, bad := s.filter(x.endpoint, p.conditions, true)
	if bad != nil {
		return nil, bad
	}
	v := s.view(x.endpoint, f)
	total := v.count()
	if p.countOnly {
		return fmt.Appendf(nil, `{"items":{"count":%d}}`, total), nil
	}
	if s.quirks.TotalIgnoresCursor {
		all, bad := s.filter(x.endpoint, p.conditions, false)
		if bad != nil {
			return nil, bad
		}
		total = s.view(x.endpoint, all).count()
	}
	field, desc := s.order(x.endpoint, p)
	rows := v.page(field, desc, p.skip, p.limit)
	return s.envelope(x, p, total, rows), nil
}

func (s *Server) view(endpoint string, f *filter) *view {
	if endpoint == Dialogs {
		return s.store.dialogView(f)
	}
	return s.store.messageView(f)
}

func (s *Server) order(endpoint string, p *params) (field int, desc bool) {
	name, desc := p.sort, p.desc
	if name == "" || s.quirks.SortIgnored {
		name = s.quirks.DefaultOrder
		if name == "" {
			name = map[string]string{Dialogs: "-_id", Messages: "created_at"}[endpoint]
		}
		name, desc = strings.CutPrefix(name, "-")
	}
	switch name {
	case "created_at":
		return byCreated, desc
	case "updated_at":
		return byUpdated, desc
	}
	return byID, desc
}

// envelope writes a page, and spoils it where a fault says so.
func (s *Server) envelope(x *exchange, p *params, total int, rows []uint32) []byte {
	totalText := strconv.Itoa(total)
	var spoilRow int
	var spoiled fields
	if f := x.fault; f != nil {
		rows = f.rows(rows)
		totalText = f.total(totalText)
		spoilRow, spoiled = f.field()
	}
	appendRow := s.appendMessage
	if x.endpoint == Dialogs {
		appendRow = s.appendDialog
	}
	buf := make([]byte, 0, 256+700*len(rows))
	buf = append(buf, '{')
	if totalText != "" {
		buf = fmt.Appendf(buf, `"total_entries":%s,`, totalText)
	}
	buf = fmt.Appendf(buf, `"skip":%d,"limit":%d`, p.skip, p.limit)
	switch {
	case x.fault != nil && x.fault.Kind == ItemsMissing:
		return append(buf, '}')
	case x.fault != nil && x.fault.Kind == ItemsNull:
		return append(buf, `,"items":null}`...)
	}
	buf = append(buf, `,"items":[`...)
	for i, row := range rows {
		if i > 0 {
			buf = append(buf, ',')
		}
		var extra fields
		if i == spoilRow {
			extra = spoiled
		}
		buf = appendRow(buf, row, extra)
	}
	return append(buf, "]}"...)
}
