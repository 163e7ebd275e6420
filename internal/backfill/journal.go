package backfill

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// UsageError is what the user must put right before the work can begin.
type UsageError struct{ error }

func (e UsageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// question is one request: how many rows of a list were created in a bin, or in
// several.
type question struct {
	List chatapi.Endpoint `json:"list"`
	From int64            `json:"from"` // unix seconds
	To   int64            `json:"to"`   // exclusive
	Rows bool             `json:"rows,omitempty"`
	Type int              `json:"type,omitempty"` // of dialogs; 0: any
}

// answer is what the API said. The cells tell where the rows lie, if the reply
// held all of them.
type answer struct {
	Total int64  `json:"total"`
	Whole bool   `json:"whole,omitempty"`
	Cells []cell `json:"cells,omitempty"`
}

// cell is a number of rows of one kind in one bin.
type cell struct {
	Bin  int64 `json:"bin"` // where it begins, unix seconds
	Kind int   `json:"kind,omitempty"`
	N    int64 `json:"n"`
}

// valid tells whether the answer can be one to the question.
func (a answer) valid(q question) bool {
	n := int64(0)
	for _, c := range a.Cells {
		if c.Bin < q.From || c.Bin >= q.To || c.Kind < 0 || c.Kind >= kinds || c.N <= 0 {
			return false
		}
		n += c.N
	}
	return a.Total >= 0 && (!a.Whole && len(a.Cells) == 0 || a.Whole && n == a.Total)
}

const (
	journalFormat  = "connectycube_exporter backfill"
	journalVersion = 2
)

// header is the first line of a journal: the settings that its answers are of.
type header struct {
	Format      string  `json:"format"`
	Version     int     `json:"version"`
	Application string  `json:"application"`
	URL         string  `json:"url"`
	From        Bound   `json:"from"`
	To          Bound   `json:"to"`
	Windows     []span  `json:"windows"`
	Labels      []Label `json:"labels,omitempty"`
	Grid        Grid    `json:"grid"`

	Collectors []string `json:"collectors"`
	Weeks      int      `json:"weeks,omitempty"` // that a time is compared with; 0: nothing is judged
	TimeZone   string   `json:"time_zone,omitempty"`
	Holidays   string   `json:"holidays,omitempty"`
}

type span struct {
	Label  string `json:"label"`
	Length int64  `json:"length"` // seconds
}

// differs names the first setting in which two journals do not go together.
// The ends of the grid follow from the others, and from the time of the start.
func (h header) differs(from header) error {
	windows := func(a, b span) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Length, b.Length))
	}
	labels := func(a, b Label) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	}
	switch {
	case h.Application != from.Application:
		return fmt.Errorf("for the application %q (--app), not %q", from.Application, h.Application)
	case h.URL != from.URL:
		return fmt.Errorf("at %s (--api.url), not at %s", from.URL, h.URL)
	case h.Grid.Step != from.Grid.Step:
		return fmt.Errorf("with --step=%s, not %s", spell(from.Grid.Step), spell(h.Grid.Step))
	case h.From != from.From:
		return fmt.Errorf("with --from=%s, not %s", from.From, h.From)
	case h.To != from.To:
		return fmt.Errorf("with --to=%s, not %s", from.To, h.To)
	case slices.CompareFunc(h.Windows, from.Windows, windows) != 0:
		return errors.New("with other --windows")
	case slices.CompareFunc(h.Labels, from.Labels, labels) != 0:
		return errors.New("with another --label")
	case !slices.Equal(h.Collectors, from.Collectors):
		return fmt.Errorf("for the collectors %s, not %s (--[no-]collector)", strings.Join(from.Collectors, ", "), strings.Join(h.Collectors, ", "))
	case h.Weeks != from.Weeks:
		return fmt.Errorf("with --activity.weeks=%d, not %d", from.Weeks, h.Weeks)
	}
	return nil
}

// elsewhere says in what the calendars of two journals differ; empty: in
// nothing. What is counted does not depend on it.
func (h header) elsewhere(from header) string {
	switch {
	case h.TimeZone != from.TimeZone:
		return fmt.Sprintf("It was begun with the time zone %s: all of it is judged in %s now.", from.TimeZone, h.TimeZone)
	case h.Holidays != from.Holidays:
		return "It was begun with other holidays: all of it is judged by those of now."
	}
	return ""
}

// journal keeps the answers of a run that is not finished, one in a line, so
// that another run can go on. It survives a kill; a line that was cut off is
// asked for again. Its zero value keeps them in memory only.
type journal struct {
	path string
	file *os.File // nil: none

	mu      sync.Mutex
	begun   *header // nil: not yet
	answers map[question]answer
}

// openJournal opens the journal at path, with what it holds if the run is to
// be resumed. Force puts a new one in the place of one that is not resumed.
func openJournal(path string, resume, force bool) (*journal, error) {
	j := &journal{path: path, answers: map[question]answer{}}
	if path == "" {
		return j, nil
	}
	if !resume && force {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
	if err == nil {
		j.file = file
		return j, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if !resume {
		return nil, usagef("%s is there from a run that did not finish: go on with --resume, or begin anew with --force", path)
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil, usagef("%s is not a regular file", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	if err := j.read(whole); err != nil {
		return nil, usagef("%s cannot be resumed: %w; begin anew with --force", path, err)
	}
	if j.file, err = os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0); err != nil {
		return nil, err
	}
	if len(whole) < len(data) {
		if err := j.file.Truncate(int64(len(whole))); err != nil {
			return nil, errors.Join(err, j.file.Close())
		}
	}
	return j, nil
}

// read takes in whole lines.
func (j *journal) read(data []byte) error {
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if number == 1 {
			var head header
			if err := strict(line, &head); err != nil || head.Format != journalFormat {
				return errors.New("it does not begin like a journal of backfill")
			}
			if head.Version != journalVersion {
				return fmt.Errorf("it is of version %d, and this program knows version %d", head.Version, journalVersion)
			}
			j.begun = &head
			continue
		}
		var entry struct {
			question
			answer
		}
		if err := strict(line, &entry); err != nil || !entry.valid(entry.question) {
			return fmt.Errorf("line %d is damaged", number)
		}
		j.answers[entry.question] = entry.answer
	}
	return nil
}

func strict(line []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("more than one value")
	}
	return nil
}

// begin writes the header, unless the journal is resumed.
func (j *journal) begin(head header) error {
	if j.begun != nil {
		return nil
	}
	j.begun = &head
	return j.append(head)
}

func (j *journal) append(v any) error {
	if j.file == nil {
		return nil
	}
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(line, '\n'))
	return err
}

// look finds an answer.
func (j *journal) look(q question) (answer, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	a, ok := j.answers[q]
	return a, ok
}

// keep notes an answer.
func (j *journal) keep(q question, a answer) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.answers[q] = a
	return j.append(struct {
		question
		answer
	}{q, a})
}

// len is the number of answers.
func (j *journal) len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.answers)
}

// close closes the file, and removes it if there is nothing in it to go on
// from.
func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	if j.len() == 0 {
		err = errors.Join(err, os.Remove(j.path))
	}
	return err
}

// remove ends a journal whose run is finished.
func (j *journal) remove() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return errors.Join(err, os.Remove(j.path))
}
