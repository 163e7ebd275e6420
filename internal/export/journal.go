package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/internal/statefile"
)

const (
	journalFormat  = "connectycube_exporter export"
	journalVersion = 1
)

// Spec is what is exported, as the user said it. A resumed run must have the
// same.
type Spec struct {
	Application string
	URL         string
	List        chatapi.Endpoint
	Filters     []string // such as "--created-after=7d"
	Format      Format
	Fields      []string `json:",omitempty"`
	Compression Compression
	Order       Order
}

// differs says in what two of them do.
func (s Spec) differs(from Spec) error {
	switch {
	case s.Application != from.Application:
		return fmt.Errorf("for the application %q (--app), not %q", from.Application, s.Application)
	case s.URL != from.URL:
		return fmt.Errorf("at %s (--api.url), not at %s", from.URL, s.URL)
	case s.List != from.List:
		return fmt.Errorf("for %s, not for %s", from.List, s.List)
	case !slices.Equal(s.Filters, from.Filters):
		return fmt.Errorf("with the filters %q, not %q", from.Filters, s.Filters)
	case s.Format != from.Format:
		return fmt.Errorf("with --format=%s, not %s", from.Format, s.Format)
	case !slices.Equal(s.Fields, from.Fields):
		return errors.New("with other --fields")
	case s.Compression != from.Compression:
		return fmt.Errorf("with the compression %s, not %s", from.Compression, s.Compression)
	case s.Order != from.Order:
		return errors.New("with another --sort")
	}
	return nil
}

// journal is how far an export has come.
type journal struct {
	Format  string
	Version int
	Spec    Spec
	Where   []chatapi.Cond // the filters, ages resolved when it was begun
	Counted int64          // rows that matched when it was begun

	Left  []span // still to be read
	Rows  int64  // in the file
	Size  int64  // of the file
	Known []chatapi.ObjectID
	Whole bool // nothing is missing but the name
}

type span struct {
	After, To chatapi.ObjectID
}

func (j *journal) spans() []chatapi.Span {
	var out []chatapi.Span
	for _, s := range j.Left {
		out = append(out, chatapi.Span{After: s.After, To: s.To, Rows: -1})
	}
	return out
}

func (j *journal) setSpans(left []chatapi.Span) {
	j.Left = j.Left[:0]
	for _, s := range left {
		j.Left = append(j.Left, span{s.After, s.To})
	}
}

func (j *journal) write(f *statefile.File) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return f.Write(text)
}

// readJournal gives the journal in a file; nil: there is none.
func readJournal(f *statefile.File) (*journal, error) {
	text, err := f.Read()
	if err != nil || text == nil {
		return nil, err
	}
	var j journal
	switch err := json.Unmarshal(text, &j); {
	case err != nil || j.Format != journalFormat:
		return nil, errors.New("it is no journal of an export")
	case j.Version != journalVersion:
		return nil, fmt.Errorf("it is of version %d, and this program knows version %d", j.Version, journalVersion)
	case j.Rows < 0 || j.Size < 0:
		return nil, errors.New("it is damaged")
	}
	return &j, nil
}
