package chatapitest

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestStepsMayBeCutAnyWay(t *testing.T) {
	config := Config{Seed: 4, Dialogs: 50, Messages: 300, Rate: 1, Now: fixedNow}
	end := fixedNow().Add(3 * time.Hour)
	once := New(config)
	once.Step(end)
	often := New(config)
	for at := fixedNow(); at.Before(end); at = at.Add(1700 * time.Millisecond) {
		often.Step(at)
	}
	often.Step(end)
	if !bytes.Equal(bytesOf(once), bytesOf(often)) {
		t.Error("one long step and many short ones give different rows")
	}
}

func TestLiveTraffic(t *testing.T) {
	s := New(Config{Seed: 6, Dialogs: 400, Messages: 2000, Rate: 0.4, Now: fixedNow})
	before := s.Truth()
	const day = 24 * time.Hour
	s.Step(fixedNow().Add(day))
	after := s.Truth()

	now := fixedNow().Unix()
	got := float64(after.NewMessages(now, now+int64(day.Seconds()))) / day.Seconds()
	if got < 0.3 || got > 0.45 { // less what was deleted
		t.Errorf("%.2f messages a second, want about 0.4", got)
	}
	for hour := range int64(24) {
		if n := after.NewMessages(now+hour*3600, now+hour*3600+3600); n < 500 || n > 2500 {
			t.Errorf("%d messages in hour %d", n, hour)
		}
	}

	dialogs, messages := map[string]TruthDialog{}, map[string]bool{}
	for _, d := range after.Dialogs {
		dialogs[d.ID] = d
	}
	for _, m := range after.Messages {
		messages[m.ID] = true
	}
	var gone, muted, unmuted, left int
	for _, d := range before.Dialogs {
		switch now, ok := dialogs[d.ID]; {
		case !ok:
			gone++
		case len(now.Silent) > len(d.Silent):
			muted++
		case len(now.Silent) < len(d.Silent):
			unmuted++
		case len(now.Deleted) > len(d.Deleted):
			left++
		}
	}
	if after.NewDialogs(now, now+86400) == 0 || gone == 0 || muted == 0 || unmuted == 0 || left == 0 {
		t.Errorf("%d new dialogs, %d gone, %d muted, %d unmuted, %d left",
			after.NewDialogs(now, now+86400), gone, muted, unmuted, left)
	}
	if n := after.CountMessages(func(m TruthMessage) bool { return m.CreatedAt >= now && m.UpdatedAt > m.CreatedAt }); n == 0 {
		t.Error("nothing was read or edited")
	}
	for _, d := range after.Dialogs {
		if d.LastMessageDateSent != nil && *d.LastMessageDateSent > d.UpdatedAt {
			t.Fatalf("dialog %s was updated at %d, before its last message of %d", d.ID, d.UpdatedAt, *d.LastMessageDateSent)
		}
	}
	for _, m := range after.Messages {
		if _, ok := dialogs[m.DialogID]; !ok {
			t.Fatalf("message %s has outlived its dialog", m.ID)
		}
	}
}

func TestLiveRowsHaveTheServersClock(t *testing.T) {
	s := New(Config{Seed: 6, Dialogs: 40, Messages: 200, Rate: 1, Now: fixedNow, Quirks: Quirks{Skew: time.Hour}})
	s.Step(fixedNow().Add(10 * time.Minute))
	hour := fixedNow().Add(time.Hour).Unix()
	newest, _ := s.Truth().NewestMessage()
	if newest < hour+300 || newest > hour+600 {
		t.Errorf("the newest message is of %d, want up to %d", newest, hour+600)
	}
}

func TestWithoutARateNothingHappens(t *testing.T) {
	s := small()
	before := bytesOf(s)
	s.Step(fixedNow().Add(1000 * time.Hour))
	if !bytes.Equal(before, bytesOf(s)) {
		t.Error("something happened")
	}
}

func TestRunStepsUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Seed: 1, Dialogs: 10, Messages: 50, Rate: 5})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s.Run(ctx)
		if n := count(t, s, messagesPath) - 50; n < 150 || n > 600 {
			t.Errorf("%d messages in a minute, want about 300", n)
		}
	})
}

func TestEditsMoveWhatTheyShould(t *testing.T) {
	now := fixedNow()
	s := New(Config{Now: func() time.Time { return now }})
	dialog := s.CreateDialog(DialogSpec{Type: 2, Occupants: []int64{1, 2}})
	other := s.CreateDialog(DialogSpec{Type: 2, Occupants: []int64{1, 2}})
	message := s.CreateMessage(MessageSpec{DialogID: dialog})
	rest := s.CreateMessage(MessageSpec{DialogID: dialog})
	for name, c := range map[string]struct {
		do       func() bool
		dialogs  int // updated by it
		messages int
	}{
		"a message":  {func() bool { return s.CreateMessage(MessageSpec{DialogID: other}) != "" }, 1, 1},
		"an edit":    {func() bool { return s.EditMessage(message) }, 0, 1},
		"a read":     {func() bool { return s.ReadMessage(message) }, 0, 1},
		"a touch":    {func() bool { return s.TouchDialog(dialog) }, 1, 0},
		"a mute":     {func() bool { return s.Mute(dialog, 1) }, 0, 0},
		"an unmute":  {func() bool { return s.Unmute(dialog, 1) }, 0, 0},
		"a farewell": {func() bool { return s.DeleteFor(dialog, 1) }, 0, 0},
	} {
		now = now.Add(time.Minute)
		if !c.do() {
			t.Errorf("%s: not found", name)
		}
		truth, at := s.Truth(), now.Unix()
		if d, m := truth.UpdatedDialogs(at, at+1), truth.UpdatedMessages(at, at+1); d != c.dialogs || m != c.messages {
			t.Errorf("%s moved %d dialogs and %d messages, want %d and %d", name, d, m, c.dialogs, c.messages)
		}
	}
	if !s.DeleteMessage(rest) || s.DeleteMessage(rest) || !s.DeleteDialog(dialog) || s.DeleteDialog(dialog) {
		t.Error("a deletion did not happen once")
	}
	if d, m := count(t, s, dialogsPath), count(t, s, messagesPath); d != 1 || m != 1 {
		t.Errorf("%d dialogs and %d messages remain", d, m)
	}
	for name, found := range map[string]bool{
		"edit": s.EditMessage(message), "read": s.ReadMessage("?"), "mute": s.Mute(dialog, 1), "unmute": s.Unmute("?", 1),
		"touch": s.TouchDialog(dialog), "delete for": s.DeleteFor(dialog, 1),
	} {
		if found {
			t.Errorf("%s found what is gone", name)
		}
	}
}
