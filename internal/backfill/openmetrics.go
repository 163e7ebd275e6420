package backfill

import (
	"bufio"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Label is a label that the live scrape adds to every series, such as job.
type Label struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Manifest tells what was written, to compare with what promtool reads.
type Manifest struct {
	Series, Samples int64
	First, Last     time.Time
}

// write gives the families in the exposition format that promtool demands:
// times in seconds, sorted by family, series and time, no family without a
// sample, and an end.
func write(w io.Writer, g Grid, families []family, c *counts, application string, labels []Label) (Manifest, error) {
	var m Manifest
	out := bufio.NewWriterSize(w, 1<<16)
	line := make([]byte, 0, 512)
	for _, f := range families {
		head := "# HELP " + f.name + " " + escape(f.help) + "\n# TYPE " + f.name + " gauge\n"
		for _, s := range f.series {
			name := f.name + labelSet(application, f.label, s.value, labels) + " "
			samples := int64(0)
			for t := g.First; t <= g.Last; t += g.Step {
				v, ok := s.sample(c, t)
				if !ok {
					continue
				}
				line = append(line[:0], head...)
				head = ""
				line = append(line, name...)
				line = appendValue(line, v)
				line = append(line, ' ')
				line = strconv.AppendInt(line, t, 10)
				line = append(line, '\n')
				if _, err := out.Write(line); err != nil {
					return m, err
				}
				samples++
				m.note(t)
			}
			if samples > 0 {
				m.Series++
				m.Samples += samples
			}
		}
	}
	if _, err := out.WriteString("# EOF\n"); err != nil {
		return m, err
	}
	return m, out.Flush()
}

func (m *Manifest) note(unix int64) {
	t := time.Unix(unix, 0).UTC()
	if m.First.IsZero() || t.Before(m.First) {
		m.First = t
	}
	if t.After(m.Last) {
		m.Last = t
	}
}

// labelSet writes the labels of one series: those of the live exporter first,
// then those of its scrape.
func labelSet(application, name, value string, more []Label) string {
	all := []Label{{"application", application}}
	if name != "" {
		all = append(all, Label{name, value})
	}
	var b strings.Builder
	for i, l := range append(all, more...) {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(l.Name + `="` + escape(l.Value) + `"`)
	}
	return b.String() + "}"
}

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}

// appendValue writes whole numbers with all their digits.
func appendValue(b []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.AppendInt(b, int64(v), 10)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}
