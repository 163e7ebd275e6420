package chatapitest

import (
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestHistoryRateIsTheMean(t *testing.T) {
	if got := (Config{Messages: 604_800, Weeks: 2}).HistoryRate(); got != 0.5 {
		t.Errorf("%v messages a second", got)
	}
	if got := (Config{}).HistoryRate(); got != 0 {
		t.Errorf("%v messages a second without any", got)
	}
}

// Under the race detector this shows that everything may be called at once;
// afterwards the indexes must still agree with the rows.
func TestEverythingAtOnce(t *testing.T) {
	s := New(Config{Seed: 9, Dialogs: 50, Messages: 300, Rate: 3, Now: fixedNow})
	id := s.Truth().Dialogs[0].ID
	var all sync.WaitGroup
	for _, act := range map[string]func(i int){
		"lists": func(i int) {
			get(t, s, messagesPath, "sort_desc", "updated_at", "created_at[gte]", strconv.Itoa(i))
			get(t, s, dialogsPath, "type[nin]", "1,2", "skip", strconv.Itoa(i))
		},
		"steps": func(i int) { s.Step(fixedNow().Add(time.Duration(i) * time.Minute)) },
		"edits": func(i int) {
			dialog := s.CreateDialog(DialogSpec{Occupants: []int64{1, 2}})
			message := s.CreateMessage(MessageSpec{DialogID: dialog})
			s.Mute(dialog, 1)
			s.EditMessage(message)
			if i%2 == 0 {
				s.DeleteDialog(dialog)
			}
		},
		"puts":   func(int) { do(s, "PUT", "/admin/chat/"+id, `{"push_all":{"occupants_ids":[7]},"name":"x"}`) },
		"quirks": func(i int) { s.SetQuirks(Quirks{MillisecondTimes: i%2 == 0, MuteMovesUpdatedAt: true}) },
		"faults": func(int) {
			s.Inject(Fault{Kind: ShortPage, Count: 1})
			s.ClearFaults()
		},
		"keys":  func(int) { s.SetKey(s.Key()) },
		"reads": func(int) { s.Requests(); s.RequestCounts(); s.Quirks() },
		"truth": func(i int) {
			if i%10 == 0 {
				s.Truth()
			}
		},
	} {
		all.Go(func() {
			for i := range 40 {
				act(i)
			}
		})
	}
	all.Wait()
	s.SetQuirks(Quirks{})
	a := newAsker(t, s, Messages, 1)
	for range 50 {
		a.check(t, s)
	}
}
