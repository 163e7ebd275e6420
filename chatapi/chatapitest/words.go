package chatapitest

import (
	"encoding/json"
	"iter"
	"strconv"
	"strings"
)

// words writes what people say, always the same for the same hash. With a
// canary, every text carries it, in another variant for each place.
type words struct {
	canary string
	known  []string
}

func newWords(canary string) words {
	return words{canary, strings.Fields(`the a we you they can will maybe now later today tomorrow soon
		meet call send bring find see report photo ticket order train coffee lunch door key office room
		list plan price team client draft please thanks sorry great fine late early ready done almost
		never always here there up down back`)}
}

func (w words) sentence(h uint64, least, most int, place string) string {
	var b strings.Builder
	n := least + int(mix(h)%uint64(most-least+1))
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.known[mix(h+uint64(i)*31)%uint64(len(w.known))])
	}
	if w.canary != "" {
		b.WriteString(" " + w.canary + "-" + place)
	}
	return b.String()
}

func (w words) message(h uint64) string     { return w.sentence(h, 2, 14, "message") }
func (w words) lastMessage(h uint64) string { return w.sentence(h, 2, 14, "last-message") }

func (w words) name(kind int32, h uint64) (string, bool) {
	if kind == typePrivate {
		return "", false
	}
	return w.sentence(h+1, 1, 3, "name"), true
}

func (w words) description(kind int32, h uint64) (string, bool) {
	if kind == typePrivate || h%3 > 0 {
		return "", false
	}
	return w.sentence(h+2, 3, 8, "description"), true
}

func (w words) extensions(h uint64) string {
	return textObject("shop", strconv.FormatUint(h>>40%50, 10), "note", w.sentence(h+3, 1, 2, "extension"))
}

func textObject(pairs ...string) string {
	o := openObject(nil, nil)
	for i := 0; i < len(pairs); i += 2 {
		o.text(pairs[i], pairs[i+1])
	}
	return string(o.close())
}

// custom yields the parameters an app added to a message. They lie beside the
// vendor's own, and some have names that mean something elsewhere.
func (w words) custom(h uint64) iter.Seq2[string, string] {
	text := func(place string) string { return string(appendText(nil, w.sentence(h+4, 1, 3, place))) }
	return func(yield func(string, string) bool) {
		switch h >> 36 % 16 {
		case 0:
			_ = yield("userExtraData", "null") && yield("mission", text("mission")) && yield("name", text("custom-name"))
		case 1:
			_ = yield("type", text("custom-type")) && yield("user_id", `"none"`)
		case 2:
			_ = yield("total_entries", `"many"`) && yield("items", `[{"_id":`+text("custom-items")+`}]`)
		case 3:
			_ = yield("order", `{"number":17,"note":`+text("custom-object")+`}`) && yield("silent_ids", "[1,2]")
		case 4:
			_ = yield("save_to_history", `"1"`)
		}
	}
}

func (w words) attachments(h uint64) string {
	if h>>44%10 > 0 {
		return "[]"
	}
	o := openObject([]byte{'['}, nil)
	o.text("type", [...]string{"image", "video", "audio", "location"}[h>>48%4])
	o.text("id", strconv.FormatUint(h>>20%100000, 10))
	o.text("name", w.sentence(h+5, 1, 2, "attachment"))
	o.text("size", strconv.FormatUint(h>>30%1000000, 10))
	return string(append(o.close(), ']'))
}

func reactions(h uint64) string {
	if h>>52%16 > 0 {
		return "null"
	}
	return `{"own":[],"total":{"👍":` + strconv.FormatUint(1+h>>56%4, 10) + `}}`
}

// dialogName is the value the filter on name sees.
func (s *Server) dialogName(row uint32) (string, bool) {
	d := &s.store.dialogs[row]
	raw, ok := d.over["name"]
	if !ok {
		return s.words.name(d.kind, d.id.hash(s.config.Seed))
	}
	var name *string
	if json.Unmarshal(raw, &name) != nil || name == nil {
		return "", false
	}
	return *name, true
}

// dialogExtension is the value the filter on extensions[key] sees.
func (s *Server) dialogExtension(row uint32, key string) (string, bool) {
	d := &s.store.dialogs[row]
	raw, ok := d.over["extensions"]
	if h := d.id.hash(s.config.Seed); !ok && h>>24%16 == 0 {
		raw = json.RawMessage(s.words.extensions(h))
	}
	var values map[string]string
	if json.Unmarshal(raw, &values) != nil {
		return "", false
	}
	value, ok := values[key]
	return value, ok
}

// dateSent is a message's date_sent, in unix seconds.
func (s *Server) dateSent(row uint32) int64 {
	sent := s.store.messages[row].id.seconds()
	if raw, ok := s.store.over[row]["date_sent"]; ok && json.Unmarshal(raw, &sent) != nil {
		return 0
	}
	return sent
}
