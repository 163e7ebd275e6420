package logging

import (
	"context"
	"encoding"
	"fmt"
	"log/slog"
	"slices"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// Slog writes the entries of a slog.Logger through a go-kit logger, in the
// shape of its own lines. Groups become dotted prefixes.
func Slog(logger log.Logger) *slog.Logger { return slog.New(&handler{logger: logger}) }

type handler struct {
	logger log.Logger // stamps the time, and filters by level
	attrs  []any
	prefix string
}

// Enabled leaves the decision to the level filter of the logger.
func (h *handler) Enabled(context.Context, slog.Level) bool { return true }

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	kvs := append([]any{"msg", r.Message}, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		kvs = appendAttr(kvs, h.prefix, a)
		return true
	})
	return log.WithPrefix(h.logger, level.Key(), levelOf(r.Level)).Log(kvs...)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.attrs = slices.Clip(h.attrs)
	for _, a := range attrs {
		next.attrs = appendAttr(next.attrs, h.prefix, a)
	}
	return &next
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.prefix += name + "."
	return &next
}

func levelOf(l slog.Level) level.Value {
	switch {
	case l < slog.LevelInfo:
		return level.DebugValue()
	case l < slog.LevelWarn:
		return level.InfoValue()
	case l < slog.LevelError:
		return level.WarnValue()
	default:
		return level.ErrorValue()
	}
}

func appendAttr(kvs []any, prefix string, a slog.Attr) []any {
	v := a.Value.Resolve()
	switch {
	case a.Equal(slog.Attr{}):
		return kvs
	case v.Kind() == slog.KindGroup:
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			kvs = appendAttr(kvs, prefix, member)
		}
		return kvs
	case v.Kind() == slog.KindAny:
		return append(kvs, prefix+a.Key, printable(v.Any()))
	default:
		return append(kvs, prefix+a.Key, v.Any())
	}
}

// printable spares the logfmt encoder what it cannot print, such as slices.
func printable(v any) any {
	switch v.(type) {
	case nil, error, fmt.Stringer, encoding.TextMarshaler:
		return v
	default:
		return fmt.Sprint(v)
	}
}
