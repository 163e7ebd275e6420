package chatapitest

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// bytesOf is everything an application holds, as one text.
func bytesOf(s *Server) []byte {
	dialogs, messages := s.rows()
	var all []byte
	for _, row := range append(dialogs, messages...) {
		all = append(append(all, row...), '\n')
	}
	return all
}

func TestTheSameSeedAndClockGiveTheSameBytes(t *testing.T) {
	config := Config{Seed: 3, Dialogs: 100, Messages: 800, Rate: 0.5, Now: fixedNow}
	build := func(c Config) []byte {
		s := New(c)
		s.Step(fixedNow().Add(time.Hour))
		return bytesOf(s)
	}
	first := build(config)
	if !bytes.Equal(first, build(config)) {
		t.Error("the same configuration gave other rows")
	}
	config.Seed++
	if bytes.Equal(first, build(config)) {
		t.Error("another seed gave the same rows")
	}
}

func TestHistoryLooksLikeAChat(t *testing.T) {
	const weeks = 4
	s := New(Config{Seed: 11, Dialogs: 1500, Messages: 20_000, Weeks: weeks, Now: fixedNow})
	truth := s.Truth()
	if len(truth.Dialogs) != 1500 || len(truth.Messages) != 20_000 {
		t.Fatalf("%d dialogs, %d messages", len(truth.Dialogs), len(truth.Messages))
	}
	now, start := fixedNow().Unix(), fixedNow().Add(-weeks*7*24*time.Hour).Unix()
	if n := truth.NewMessages(start, now+1); n != 20_000 {
		t.Errorf("%d messages are within the weeks asked for", n)
	}

	types := truth.DialogsByType()
	if !slices.Equal(slices.Sorted(maps.Keys(types)), []int{1, 2, 3, 4, 5}) || types[3] < types[2] || types[2] < 5*types[4] {
		t.Errorf("types of dialogs: %v", types)
	}
	created := map[string]int64{}
	for _, d := range truth.Dialogs {
		created[d.ID] = d.CreatedAt
		if id, _ := parseObjectID(d.ID); id.seconds() != d.CreatedAt {
			t.Fatalf("dialog %s was created at %d", d.ID, d.CreatedAt)
		}
		if d.Type == typePrivate && d.LastMessageDateSent == nil {
			t.Errorf("private dialog %s has no message", d.ID)
		}
		if d.LastMessageDateSent != nil && *d.LastMessageDateSent > d.UpdatedAt {
			t.Errorf("dialog %s was updated before its last message", d.ID)
		}
	}

	var day, night, week, weekend, off, close int
	var last TruthMessage
	for _, m := range truth.Messages {
		at := time.Unix(m.CreatedAt, 0).UTC()
		switch at.Hour() {
		case 12, 20:
			day++
		case 3, 4:
			night++
		}
		if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
			weekend++
		} else {
			week++
		}
		if m.CreatedAt < created[m.DialogID] || m.UpdatedAt < m.CreatedAt || m.UpdatedAt > now {
			t.Fatalf("message %s of %d, in a dialog of %d, was updated at %d", m.ID, m.CreatedAt, created[m.DialogID], m.UpdatedAt)
		}
		if m.DateSent != m.CreatedAt {
			off++
		}
		if m.DialogID == last.DialogID && m.CreatedAt-last.CreatedAt < 180 {
			close++
		}
		last = m
	}
	if day < 5*night || night == 0 {
		t.Errorf("two hours of the day have %d messages, two of the night %d", day, night)
	}
	if ratio := float64(weekend) / 2 / (float64(week) / 5); ratio < 0.5 || ratio > 0.9 {
		t.Errorf("a day of the weekend has %.2f of a weekday", ratio)
	}
	if half := (start + now) / 2; truth.NewMessages(half, now) <= truth.NewMessages(start, half) {
		t.Error("there is no growth")
	}
	if off < len(truth.Messages)/3 || close < len(truth.Messages)/5 {
		t.Errorf("%d messages have a clock of their own, %d follow closely on another", off, close)
	}
	if n := len(truth.MutedDialogs()); n < 3 {
		t.Errorf("mutes in %d types", n)
	}
	if truth.MutingUsers() == 0 || len(truth.DeletedDialogs()) == 0 || len(truth.EncryptedDialogs()) == 0 ||
		len(truth.UnusedDialogs()) == 0 || truth.Members()[typeGroup] == 0 || truth.Members()[typePublic] != 0 {
		t.Error("some kind of dialog is missing")
	}
	all := string(bytesOf(s))
	for _, form := range []string{`"silent_ids":[]`, `"silent_ids":[3`, `"deleted_ids":[]`, `"last_message_date_sent":null`,
		`"total_entries":"many"`, `"user_id":"none"`, `"items":[{`, `"reactions":{`, `"attachments":[{`, `"is_e2ee":null`} {
		if !strings.Contains(all, form) {
			t.Errorf("no row has %s", form)
		}
	}
	if missing := strings.Count(all, `"deleted_ids"`); missing == len(truth.Dialogs) {
		t.Error("deleted_ids is never missing")
	}
}

func TestCanaryIsEverywhereAndUsersAreRecognisable(t *testing.T) {
	s := New(Config{Seed: 2, Dialogs: 500, Messages: 3000, Weeks: 1, Now: fixedNow, Canary: "kanarek"})
	w := do(s, "GET", dialogsPath+"?limit=0", "")
	all := string(bytesOf(s)) + w.Body.String()
	for _, place := range []string{"message", "last-message", "name", "description", "extension", "custom-name",
		"custom-type", "custom-object", "custom-items", "mission", "attachment", "error"} {
		if !strings.Contains(all, "kanarek-"+place) {
			t.Errorf("no canary in %s", place)
		}
	}
	truth := s.Truth()
	if plain := truth.CountMessages(func(m TruthMessage) bool { return !strings.Contains(string(m.Row), "kanarek-message") }); plain > 0 {
		t.Errorf("%d messages have no canary", plain)
	}
	for _, m := range truth.Messages {
		if m.SenderID < CanaryUserBase || m.SenderID >= CanaryUserBase+1_000_000 {
			t.Fatalf("sender %d", m.SenderID)
		}
	}
}

func TestSmallApplications(t *testing.T) {
	for _, c := range []Config{{}, {Dialogs: 1}, {Messages: 5}, {Dialogs: 30, Messages: 3}, {Messages: 2, Now: func() time.Time { return time.Unix(0, 0) }}} {
		s := New(c)
		want := [2]int{c.withDefaults().Dialogs, c.Messages}
		if got := [2]int{count(t, s, dialogsPath), count(t, s, messagesPath)}; got != want {
			t.Errorf("%d dialogs and %d messages, want %v", got[0], got[1], want)
		}
	}
}
