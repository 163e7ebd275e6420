package collector

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-kit/log/level"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// StateVersion is that of the layout that Save writes.
const StateVersion = 1

// savedFleet is what survives a restart. It holds no key, and of what users
// wrote nothing but their numeric ids. V is what a part's value is: anything
// when it is written, raw JSON when it is read.
type savedFleet[V any] struct {
	Version      int           `json:"version"`
	Applications []savedApp[V] `json:"applications"`
}

// savedApp is bound to an application by its name and URL, and by a few ids of
// its dialogs, since the API tells no id of the application itself.
type savedApp[V any] struct {
	Name       string                  `json:"name"`
	URL        string                  `json:"url"`
	Unused     time.Time               `json:"unused,omitzero"` // since when no such application is there
	Dialogs    []chatapi.ObjectID      `json:"dialogs,omitempty"`
	Collectors map[string]time.Time    `json:"collectors,omitempty"` // last success
	Parts      map[string]savedPart[V] `json:"parts,omitempty"`      // by collector/part
}

type savedPart[V any] struct {
	Success time.Time     `json:"success,omitzero"`
	Took    time.Duration `json:"took,omitempty"`
	Value   V             `json:"value"`
}

func (p *part) key() string { return p.collector + "/" + p.name }

// Save gives what should survive a restart, for Restore. It may be called at
// any time.
func (f *Fleet) Save() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := savedFleet[any]{Version: StateVersion, Applications: []savedApp[any]{}}
	for _, a := range *f.apps.Load() {
		out.Applications = append(out.Applications, a.save())
	}
	for key, s := range f.saved {
		if s.Unused.IsZero() {
			s.Unused = time.Now().UTC().Round(0)
			f.saved[key] = s
		}
		out.Applications = append(out.Applications, s.written())
	}
	slices.SortFunc(out.Applications, func(a, b savedApp[any]) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.URL, b.URL))
	})
	return json.Marshal(out)
}

// Changed tells that something has come in which took long to get, so that
// saving at once is worth its while.
func (f *Fleet) Changed() <-chan struct{} { return f.changed }

// Restore takes in what Save gave, before the first Apply. What belongs to no
// application that is applied is left out. An error means that nothing was
// taken in.
func (f *Fleet) Restore(data []byte) error {
	var in savedFleet[json.RawMessage]
	if err := json.Unmarshal(data, &in); err != nil {
		return errors.New("it is not a saved state")
	}
	if in.Version != StateVersion {
		return fmt.Errorf("its layout has the version %d, this program's has %d", in.Version, StateVersion)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range in.Applications {
		if s.Unused.IsZero() || time.Since(s.Unused) < keepUnused {
			f.saved[source{s.Name, s.URL}] = s
		}
	}
	return nil
}

// keepUnused is how long the state of an application that is not configured,
// or of a collector that is switched off, is kept for its return.
const keepUnused = 30 * 24 * time.Hour

// source is what a saved application is found by.
type source struct{ name, url string }

// written is s as it was read.
func (s savedApp[V]) written() savedApp[any] {
	out := savedApp[any]{Name: s.Name, URL: s.URL, Unused: s.Unused, Dialogs: s.Dialogs, Collectors: s.Collectors, Parts: map[string]savedPart[any]{}}
	for key, p := range s.Parts {
		out.Parts[key] = savedPart[any]{Success: p.Success, Took: p.Took, Value: p.Value}
	}
	return out
}

// setAside keeps what an application has, for its return.
func (f *Fleet) setAside(a *app) {
	raw, err := json.Marshal(a.save())
	if err != nil {
		return
	}
	var s savedApp[json.RawMessage]
	if json.Unmarshal(raw, &s) == nil && len(s.Parts) > 0 {
		f.saved[source{s.Name, s.URL}] = s
	}
}

// takeSaved gives an application what was kept for it.
func (f *Fleet) takeSaved(a *app) {
	key := source{a.target.Name, a.target.URL}
	saved, ok := f.saved[key]
	if !ok {
		for other := range f.saved {
			if other.name == key.name {
				level.Warn(a.logger).Log("msg", "the saved state is of another API and is not used; all starts anew", "saved_url", other.url)
			}
		}
		return
	}
	delete(f.saved, key)
	a.restore(saved)
}

// save copies what the application has; what was restored and has not been
// confirmed goes out as it came in.
func (a *app) save() savedApp[any] {
	snap := a.snap.Load()
	out := savedApp[any]{
		Name: a.target.Name, URL: a.target.URL, Dialogs: a.identity.sample(a.proofs),
		Collectors: map[string]time.Time{}, Parts: map[string]savedPart[any]{},
	}
	for name, at := range snap.healthy {
		out.Collectors[name] = at.UTC().Round(0)
	}
	for i := range a.parts {
		p, s := &a.parts[i], &snap.states[i]
		if p.save == nil {
			continue
		}
		v := p.save(s.result)
		if v == nil {
			continue
		}
		saved := savedPart[any]{Took: s.took, Value: v}
		if s.result != nil {
			saved.Success = s.success.UTC().Round(0)
		}
		out.Parts[p.key()] = saved
	}
	for key, p := range a.unused {
		out.Parts[key] = savedPart[any]{Success: p.Success, Took: p.Took, Value: p.Value}
	}
	return out
}

// notAfter cuts a time that a wrong clock wrote.
func notAfter(t, now time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}

// restore puts saved results in the place of first ones. It is called before
// the application is started.
func (a *app) restore(in savedApp[json.RawMessage]) {
	now := time.Now()
	states := make([]partState, len(a.parts))
	restored := 0
	a.unused = maps.Clone(in.Parts)
	for i := range a.parts {
		p := &a.parts[i]
		saved, ok := in.Parts[p.key()]
		if !ok || p.restore == nil {
			continue
		}
		delete(a.unused, p.key())
		res, err := p.restore(saved.Value)
		if err != nil {
			level.Warn(a.logger).Log("msg", "a part of the saved state cannot be used and starts anew", "part", p.key(), "err", err)
			continue
		}
		restored++
		states[i] = partState{restored: true}
		if res != nil {
			states[i].result, states[i].success, states[i].took = res, notAfter(saved.Success, now), saved.Took
		}
	}
	if restored == 0 {
		return
	}
	a.identity.expect(in.Dialogs)
	healthy := map[string]time.Time{}
	for name, at := range in.Collectors {
		healthy[name] = notAfter(at, now)
	}
	a.snap.Store(&snapshot{states: states, healthy: healthy})
	level.Info(a.logger).Log("msg", "state restored; it is confirmed with the first poll")
}

// forget drops everything that was restored.
func (a *app) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	snap := a.snap.Load()
	next := &snapshot{states: make([]partState, len(snap.states))}
	for i, s := range snap.states {
		if !s.restored {
			next.states[i] = s
		} else if a.parts[i].forget != nil {
			a.parts[i].forget()
		}
	}
	a.unused = nil
	a.snap.Store(next)
}
