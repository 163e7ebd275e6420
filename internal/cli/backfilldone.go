package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/connectycube-exporter/connectycube_exporter/internal/backfill"
)

// finished gives the labels of the first series of the output if the run to
// resume has ended: the output is there, whole, and no journal. Otherwise nil.
func (f *pastFill) finished() []backfill.Label {
	if !f.resume || f.force || f.output == "" || f.output == "-" {
		return nil
	}
	if _, err := os.Lstat(f.output + journalSuffix); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	info, err := os.Stat(f.output)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	file, err := os.Open(f.output)
	if err != nil {
		return nil
	}
	defer file.Close()
	const end = "\n# EOF\n" // of OpenMetrics
	last := make([]byte, len(end))
	if _, err := file.ReadAt(last, info.Size()-int64(len(end))); err != nil || string(last) != end {
		return nil
	}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := lines.Text(); !strings.HasPrefix(line, "#") {
			return labelsOf(line)
		}
	}
	return nil
}

var (
	ourSample = regexp.MustCompile(`^connectycube_\w+\{(application="(?:[^"\\]|\\.)*"(?:,\w+="(?:[^"\\]|\\.)*")*)\} `)
	oneLabel  = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
)

// labelsOf reads the labels of a sample that backfill wrote; nil: it is not one.
func labelsOf(line string) (labels []backfill.Label) {
	m := ourSample.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	for _, l := range oneLabel.FindAllStringSubmatch(m[1], -1) {
		labels = append(labels, backfill.Label{Name: l[1], Value: strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(l[2])})
	}
	return labels
}

// differs tells in what a finished output is not what is asked for, by the
// labels of its first series.
func (f *pastFill) differs(done []backfill.Label, application string) error {
	var labels []backfill.Label
	for _, l := range done {
		if l.Name == "application" && l.Value != application {
			return fmt.Errorf("it is of the application %q (--app), not %q", l.Value, application)
		}
		if !slices.Contains(ownLabels, l.Name) {
			labels = append(labels, l)
		}
	}
	if !slices.Equal(labels, f.labels) {
		return fmt.Errorf("it has %s, not %s", spellLabels(labels), spellLabels(f.labels))
	}
	return nil
}

func spellLabels(labels []backfill.Label) string {
	if len(labels) == 0 {
		return "no --label"
	}
	words := make([]string, len(labels))
	for i, l := range labels {
		words[i] = shellWord("--label=" + l.Name + "=" + l.Value)
	}
	return strings.Join(words, " ")
}
