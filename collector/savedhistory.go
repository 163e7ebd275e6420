package collector

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
)

// historyPart is where the history of an application is in its saved state.
const historyPart = "activity/messages"

// AppHistory is what a saved state holds of the past messages of one
// application.
type AppHistory struct {
	History *activity.History  // nil: nothing yet
	Dialogs []chatapi.ObjectID // what the application is known by; one must still be there
	At      int64              // settled time, in unix seconds, up to which all was counted; 0: unknown
}

// HistoryOf takes the history of an application out of a saved state. Without
// a state, or without that application in it, there is none.
func HistoryOf(state []byte, t Target) (AppHistory, error) {
	fleet, err := readState(state)
	if err != nil {
		return AppHistory{}, err
	}
	i := fleet.find(t)
	if i < 0 {
		return AppHistory{}, nil
	}
	out := AppHistory{Dialogs: fleet.Applications[i].Dialogs}
	saved, history, err := fleet.Applications[i].history()
	if history != nil {
		out.History, out.At = history, saved.At
	}
	return out, err
}

// WithHistory gives a saved state with what is known of an application's past
// messages added to it: of two counts of the same time the larger. All else
// stays, but what was not there before is filled in: the application, what it
// is known by, and the time of its history.
func WithHistory(state []byte, t Target, in AppHistory) ([]byte, error) {
	fleet, err := readState(state)
	if err != nil {
		return nil, err
	}
	i := fleet.find(t)
	if i < 0 {
		i = len(fleet.Applications)
		fleet.Applications = append(fleet.Applications, savedApp[json.RawMessage]{Name: t.Name, URL: t.URL})
	}
	a := &fleet.Applications[i]
	if len(a.Dialogs) == 0 {
		a.Dialogs = in.Dialogs
	}
	saved, history, err := a.history()
	if err != nil {
		return nil, err
	}
	if history == nil {
		history, saved = activity.NewHistory(), savedHistory{At: in.At}
	}
	history.Merge(in.History)
	if saved.Counts, err = history.MarshalBinary(); err != nil {
		return nil, err
	}
	value, err := json.Marshal(saved)
	if err != nil {
		return nil, err
	}
	if a.Parts == nil {
		a.Parts = map[string]savedPart[json.RawMessage]{}
	}
	part := a.Parts[historyPart]
	part.Value = value
	a.Parts[historyPart] = part
	return json.Marshal(fleet)
}

// readState reads what Save wrote; nothing is a state of no applications.
func readState(state []byte) (*savedFleet[json.RawMessage], error) {
	fleet := &savedFleet[json.RawMessage]{Version: StateVersion}
	if len(state) == 0 {
		return fleet, nil
	}
	if err := json.Unmarshal(state, fleet); err != nil {
		return nil, errors.New("it is not a saved state")
	}
	if fleet.Version != StateVersion {
		return nil, fmt.Errorf("its layout has the version %d, this program's has %d", fleet.Version, StateVersion)
	}
	return fleet, nil
}

// find gives the place of an application; -1: it is not there, or has been away
// for so long that Restore leaves it out, too.
func (f *savedFleet[V]) find(t Target) int {
	return slices.IndexFunc(f.Applications, func(a savedApp[V]) bool {
		return a.Name == t.Name && a.URL == t.URL && (a.Unused.IsZero() || time.Since(a.Unused) < keepUnused)
	})
}

// history is the saved one; nil: there is none.
func (s savedApp[V]) history() (saved savedHistory, h *activity.History, err error) {
	raw, ok := any(s.Parts[historyPart].Value).(json.RawMessage)
	if !ok || len(raw) == 0 {
		return saved, nil, nil
	}
	h = activity.NewHistory()
	if err := json.Unmarshal(raw, &saved); err != nil || saved.At <= 0 {
		return savedHistory{}, nil, errors.New("its history of messages cannot be read")
	}
	if err := h.UnmarshalBinary(saved.Counts); err != nil {
		return savedHistory{}, nil, fmt.Errorf("its history of messages cannot be read: %w", err)
	}
	return saved, h, nil
}
