package chatapitest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
)

// Transport returns a RoundTripper to the server that needs no sockets. Bodies
// are streamed: what the server has not written yet, the client cannot read.
// It works inside testing/synctest bubbles, and no goroutine is left once the
// body was closed, was read to its end, or the request's context ended.
//
// Like http.Transport it asks for gzip and decodes it, unless the request says
// otherwise. Redirects lead back to the server, whatever the host.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ server *Server }

// RoundTrip serves the request in a goroutine of its own, which ends with the
// reply, the body's Close or the request's context.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	in, asked, err := incoming(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	in = in.WithContext(ctx)
	reader, writer := io.Pipe()
	stop := context.AfterFunc(r.Context(), func() { writer.CloseWithError(r.Context().Err()) })
	w := &memoryWriter{header: http.Header{}, body: writer, began: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		w.serve(t.server, in)
		stop()
	}()
	body := &memoryBody{PipeReader: reader, finish: func() {
		stop()
		cancel()
		<-done
	}}
	select {
	case <-w.began:
	case <-done: // broken before the headers
	case <-r.Context().Done():
	}
	if err := w.failed(r.Context()); err != nil {
		body.Close()
		return nil, err
	}
	return w.response(r, body, asked)
}

// incoming is the request as a server sees it, and whether gzip was asked for
// on the transport's own account.
func incoming(r *http.Request) (in *http.Request, asked bool, err error) {
	in = r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "192.0.2.1:1234"
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Header == nil {
		in.Header = http.Header{}
	}
	in.Body = http.NoBody
	if r.Body != nil {
		data, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, false, fmt.Errorf("reading the request's body: %w", err)
		}
		in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	}
	if r.Header.Get("Accept-Encoding") == "" {
		in.Header.Set("Accept-Encoding", "gzip")
		asked = true
	}
	return in, asked, nil
}

// memoryWriter is the server's side of a reply.
type memoryWriter struct {
	header http.Header
	body   *io.PipeWriter
	began  chan struct{} // closed once status and sent hold

	once   sync.Once
	status int
	sent   http.Header
}

var _ http.Flusher = (*memoryWriter)(nil)

func (w *memoryWriter) serve(h http.Handler, r *http.Request) {
	defer func() {
		switch failure := recover(); failure {
		case nil:
			w.WriteHeader(http.StatusOK)
			// A handler gives up when the client goes: no end of the body.
			w.body.CloseWithError(r.Context().Err())
		case http.ErrAbortHandler:
			w.body.CloseWithError(io.ErrUnexpectedEOF)
		default:
			panic(failure)
		}
	}()
	h.ServeHTTP(w, r)
}

func (w *memoryWriter) Header() http.Header { return w.header }

func (w *memoryWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, http.Header{}
		for name, values := range w.header {
			if len(values) > 0 {
				w.sent[name] = append([]string(nil), values...)
			}
		}
		close(w.began)
	})
}

func (w *memoryWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// Flush has nothing to do: a write returns when it was read.
func (w *memoryWriter) Flush() { w.WriteHeader(http.StatusOK) }

// failed is the error of a request that was not answered.
func (w *memoryWriter) failed(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-w.began:
		return nil
	default:
		return &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
}

func (w *memoryWriter) response(r *http.Request, body *memoryBody, asked bool) (*http.Response, error) {
	resp := &http.Response{
		Status:     strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: body, ContentLength: -1, Request: r,
	}
	if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil {
		resp.ContentLength = n
	}
	if asked && w.sent.Get("Content-Encoding") == "gzip" {
		resp.Header.Del("Content-Encoding")
		resp.Header.Del("Content-Length")
		resp.ContentLength, resp.Uncompressed = -1, true
		resp.Body = &gunzipBody{body: body}
	}
	return resp, nil
}

// memoryBody is the client's side of a reply.
type memoryBody struct {
	*io.PipeReader
	finish func()
}

// Close ends the request and waits for the server to be done with it.
func (b *memoryBody) Close() error {
	err := b.PipeReader.Close()
	b.finish()
	return err
}

// gunzipBody begins to decode at the first Read, so that headers do not wait
// for the body.
type gunzipBody struct {
	body *memoryBody
	z    *gzip.Reader
}

func (b *gunzipBody) Read(p []byte) (int, error) {
	if b.z == nil {
		z, err := gzip.NewReader(b.body)
		if err != nil {
			return 0, errors.Join(errors.New("decoding gzip"), err)
		}
		b.z = z
	}
	return b.z.Read(p)
}

func (b *gunzipBody) Close() error { return b.body.Close() }
