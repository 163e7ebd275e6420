package chatapitest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// pair is two dialogs and two messages whose times tell the filters apart:
// created at 1000 and 3000, updated at 2000 and 3000, in unix seconds.
func pair(q Quirks) (s *Server, dialogs, messages [2]string) {
	s = New(Config{Now: fixedNow, Quirks: q})
	at := func(seconds int64) time.Time { return time.Unix(seconds, 500e6) }
	for i, created := range []int64{1000, 3000} {
		updated := max(created, 2000)
		dialogs[i] = s.CreateDialog(DialogSpec{
			Type: 2 + i, CreatedAt: at(created), UpdatedAt: at(updated), LastMessageSent: time.Unix(updated, 0),
		})
	}
	for i, created := range []int64{1000, 3000} {
		messages[i] = s.CreateMessage(MessageSpec{DialogID: dialogs[1], CreatedAt: at(created), UpdatedAt: at(max(created, 2000))})
	}
	return s, dialogs, messages
}

func TestFilterModes(t *testing.T) {
	for _, endpoint := range []string{Dialogs, Messages} {
		path := map[string]string{Dialogs: dialogsPath, Messages: messagesPath}[endpoint]
		for name, c := range map[string]struct {
			mode FilterMode
			op   string
			at   int64
			want int // rows of two
		}{
			"honoured gt":     {Honoured, "gt", 1000, 1},
			"honoured gte":    {Honoured, "gte", 1000, 2},
			"honoured lt":     {Honoured, "lt", 3000, 1},
			"honoured lte":    {Honoured, "lte", 3000, 2},
			"dropped":         {Dropped, "lt", 1000, 2},
			"lt ignored":      {LtIgnored, "lt", 1000, 2},
			"lt ignored, gte": {LtIgnored, "gte", 1001, 1},
			"lt as lte":       {LtAsLte, "lt", 3000, 2},
			"swapped":         {Swapped, "gte", 2000, 2},
			"milliseconds":    {Milliseconds, "gte", 1_000_500, 2},
			"milliseconds gt": {Milliseconds, "gt", 1_000_500, 1},
			"not milliseconds, a client asks in seconds": {Milliseconds, "lt", 1001, 0},
		} {
			t.Run(endpoint+" "+name, func(t *testing.T) {
				s, _, _ := pair(Quirks{Filter: map[FilterKey]FilterMode{{endpoint, "created_at"}: c.mode}})
				if got := count(t, s, path, "created_at["+c.op+"]", strconv.FormatInt(c.at, 10)); got != c.want {
					t.Errorf("created_at[%s]=%d counts %d, want %d", c.op, c.at, got, c.want)
				}
			})
		}
	}
}

func TestFiltersCanBeRefused(t *testing.T) {
	s, _, _ := pair(Quirks{Filter: map[FilterKey]FilterMode{
		{Dialogs, "last_message_date_sent"}: Refused422,
		{Dialogs, "type"}:                   NinRefused,
	}})
	for query, want := range map[string]int{
		"last_message_date_sent[gte]=1": 422,
		"type[nin]=1,2":                 422,
		"type=2":                        200,
	} {
		if w := do(s, "GET", dialogsPath+"?"+query, ""); w.Code != want {
			t.Errorf("%s: %d, want %d", query, w.Code, want)
		}
	}
	s.SetQuirks(Quirks{Filter: map[FilterKey]FilterMode{{Dialogs, "type"}: NinDropped}})
	if all, one := count(t, s, dialogsPath, "type[nin]", "2"), count(t, s, dialogsPath, "type[in]", "2"); all != 2 || one != 1 {
		t.Errorf("with nin dropped: nin counts %d, in %d", all, one)
	}
	s.SetQuirks(Quirks{Filter: map[FilterKey]FilterMode{{Dialogs, "type"}: Dropped}})
	if got := count(t, s, dialogsPath, "type", "2"); got != 2 {
		t.Errorf("with type dropped: %d", got)
	}
}

func TestCursorQuirks(t *testing.T) {
	s, dialogs, _ := pair(Quirks{TotalIgnoresCursor: true})
	p := get(t, s, dialogsPath, "_id[gt]", dialogs[0])
	if p.total(t) != 2 || !slices.Equal(p.ids(t), dialogs[1:]) {
		t.Errorf("total_entries %d, rows %v", p.total(t), p.ids(t))
	}
	if got := count(t, s, dialogsPath, "_id[gte]", dialogs[0], "_id[lte]", dialogs[0]); got != 1 {
		t.Errorf("pinned on both sides: total_entries %d", got)
	}
	s.SetQuirks(Quirks{CursorIgnored: true})
	if p := get(t, s, dialogsPath, "_id[gt]", dialogs[1]); p.total(t) != 2 || len(p.Items) != 2 {
		t.Errorf("with the cursor ignored: total_entries %d, %d rows", p.total(t), len(p.Items))
	}
	if got := count(t, s, dialogsPath, "_id", dialogs[1]); got != 1 {
		t.Errorf("an exact _id counts %d", got)
	}
}

func TestOrderQuirks(t *testing.T) {
	s, _, messages := pair(Quirks{SortIgnored: true})
	upwards := messages[:]
	downwards := []string{messages[1], messages[0]}
	if got := get(t, s, messagesPath, "sort_desc", "_id").ids(t); !slices.Equal(got, upwards) {
		t.Errorf("with the sort ignored: %v", got)
	}
	for order, want := range map[string][]string{"": upwards, "_id": upwards, "-_id": downwards, "-created_at": downwards, "updated_at": upwards} {
		s.SetQuirks(Quirks{DefaultOrder: order})
		if got := get(t, s, messagesPath).ids(t); !slices.Equal(got, want) {
			t.Errorf("default order %q: %v", order, got)
		}
	}
}

func TestMessagesMayAcceptMore(t *testing.T) {
	s, _, messages := pair(Quirks{MessagesSkip: true, MessagesDateSent: true})
	if got := get(t, s, messagesPath, "skip", "1").ids(t); !slices.Equal(got, messages[1:]) {
		t.Errorf("skip=1: %v", got)
	}
	if got := count(t, s, messagesPath, "date_sent[lt]", "3000"); got != 1 {
		t.Errorf("date_sent[lt]=3000: %d", got)
	}
}

func TestMuteMovesADialogOnlyWithTheQuirk(t *testing.T) {
	for _, moves := range []bool{false, true} {
		s, dialogs, _ := pair(Quirks{MuteMovesUpdatedAt: moves})
		s.Mute(dialogs[0], 5)
		put(t, s, dialogs[1], `{"user_id":5,"is_muted":true}`)
		moved := 0
		if moves {
			moved = 2
		}
		if got := count(t, s, dialogsPath, "updated_at[gte]", strconv.FormatInt(fixedNow().Unix(), 10)); got != moved {
			t.Errorf("MuteMovesUpdatedAt %v: %d dialogs moved", moves, got)
		}
	}
}

func TestBadKeyReplies(t *testing.T) {
	for shape, want := range map[BodyShape]string{
		BodyBase:  `{"errors":{"base":["Forbidden. Need a valid key. stolen"]}}`,
		BodyList:  `{"errors":["Forbidden. Need a valid key. stolen"]}`,
		BodyField: `{"errors":{"key":["Forbidden. Need a valid key. stolen"]}}`,
		BodyText:  `Forbidden. Need a valid key. stolen`,
		BodyHTML:  "<html>\r\n<head><title>403 Forbidden</title></head>",
		BodyEmpty: "",
	} {
		s := New(Config{Now: fixedNow, Quirks: Quirks{BadKeyStatus: 403, BadKeyBody: shape, EchoKey: true}})
		r := httptest.NewRequest("GET", dialogsPath, nil)
		r.Header.Set(keyHeader, "stolen")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if got := w.Body.String(); w.Code != 403 || !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("shape %d: %d %s", shape, w.Code, got)
		}
	}
}

func TestClockQuirks(t *testing.T) {
	s := New(Config{Now: fixedNow, Quirks: Quirks{Skew: -5 * time.Minute}})
	dialog := s.CreateDialog(DialogSpec{Occupants: []int64{1, 2}})
	s.CreateMessage(MessageSpec{DialogID: dialog})
	now := fixedNow().Add(-5 * time.Minute)
	if at, ok := s.Truth().NewestMessage(); !ok || at != now.Unix() {
		t.Errorf("a message of now was made at %d, want %d", at, now.Unix())
	}
	server := httptest.NewServer(s) // whose http.Server would add a Date of its own
	defer server.Close()
	for want, q := range map[string]Quirks{
		now.UTC().Format(http.TimeFormat): {Skew: -5 * time.Minute},
		"":                                {NoDate: true},
		"yesterday":                       {DateText: "yesterday"},
	} {
		s.SetQuirks(q)
		for name, client := range map[string]*http.Client{"listener": server.Client(), "transport": {Transport: s.Transport()}} {
			resp, err := client.Get(server.URL + dialogsPath)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if got := resp.Header.Get("Date"); got != want {
				t.Errorf("%s: Date %q, want %q", name, got, want)
			}
		}
		server.Client().CloseIdleConnections()
	}
}

func TestTimesAreWrittenAsAsked(t *testing.T) {
	s, dialogs, _ := pair(Quirks{})
	own := s.CreateDialog(DialogSpec{CreatedAt: time.Unix(5000, 250e6), Times: ISOMillis})
	created := func(id string) string {
		var row struct {
			CreatedAt json.RawMessage `json:"created_at"`
		}
		if err := json.Unmarshal(get(t, s, dialogsPath, "_id", id).Items[0], &row); err != nil {
			t.Fatal(err)
		}
		return string(row.CreatedAt)
	}
	for want, q := range map[string]Quirks{
		`"1970-01-01T00:16:40Z"`:     {},
		`"1970-01-01T00:16:40.500Z"`: {MillisecondTimes: true},
		`1000`:                       {UnixTimes: true},
	} {
		s.SetQuirks(q)
		if got := created(dialogs[0]); got != want {
			t.Errorf("%+v: created_at %s, want %s", q, got, want)
		}
		if got, want := created(own), `"1970-01-01T01:23:20.250Z"`; got != want {
			t.Errorf("%+v: the dialog with its own format has %s, want %s", q, got, want)
		}
		if got := s.Truth().NewDialogs(1000, 1001); got != 1 {
			t.Errorf("%+v: the truth counts %d", q, got)
		}
	}
}

func TestAHalfSecondIsWithinItsSecond(t *testing.T) {
	for _, q := range []Quirks{{}, {MillisecondTimes: true}} {
		s, _, _ := pair(q)
		for from, want := range map[int64]int{999: 0, 1000: 1, 1001: 0} {
			got := count(t, s, messagesPath, "created_at[gte]", strconv.FormatInt(from, 10), "created_at[lt]", strconv.FormatInt(from+1, 10))
			if got != want {
				t.Errorf("%+v: [%d, +1) counts %d, want %d", q, from, got, want)
			}
		}
	}
}
