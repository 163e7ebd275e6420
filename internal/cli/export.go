package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/internal/export"
	"github.com/connectycube-exporter/connectycube_exporter/internal/human"
)

// rowsExport streams the rows of one list.
type rowsExport struct {
	list chatapi.Endpoint
	rowFilters

	format, sort  string
	fields        []string
	output        string
	gzip          bool
	resume, force bool
}

func newExport(app *kingpin.Application) []command {
	parent := app.Command("export", "Write every row that matches, for other programs: all of them, each once.")
	var out []command
	for _, list := range []chatapi.Endpoint{chatapi.Dialogs, chatapi.Messages} {
		e := &rowsExport{list: list}
		clause := parent.Command(string(list), "Write "+string(list)+" to a file or to standard output.")
		e.rowFilters.register(clause)
		clause.Flag("format", "Format of a row: ndjson, one JSON object a line as the API sent it, or csv. One of ndjson, csv.").Default("ndjson").
			SetValue(&value[string]{name: "format", target: &e.format, parse: oneOf([]string{"ndjson", "csv"})})
		clause.Flag("fields", "Fields to write, separated by commas, in this order. Default: all of them; for csv the documented ones.").PlaceHolder("A,B").
			SetValue(&value[[]string]{name: "fields", target: &e.fields, parse: parseFields})
		clause.Flag("sort", "Order of the rows: _id, created_at or updated_at, with a minus for the newest first. Needs room for the rows once more. Default: as they come, by _id within each hundred.").PlaceHolder("FIELD").
			SetValue(&value[string]{name: "sort", target: &e.sort, parse: parseSort})
		clause.Flag("output", "File to write; - is standard output, which cannot be resumed. Names that end in .gz or .zst are compressed.").Default("-").PlaceHolder("FILE").
			SetValue(&value[string]{name: "output", target: &e.output, parse: parseOutput})
		clause.Flag("gzip", "Compress with gzip, whatever the name.").
			SetValue(&boolValue{value[bool]{name: "gzip", target: &e.gzip, parse: parseBool}})
		clause.Flag("resume", "Go on with an export that did not finish.").
			SetValue(&boolValue{value[bool]{name: "resume", target: &e.resume, parse: parseBool}})
		clause.Flag("force", "Replace what is there: the output, and without --resume an unfinished export.").
			SetValue(&boolValue{value[bool]{name: "force", target: &e.force, parse: parseBool}})
		out = append(out, command{clause, e.run})
	}
	return out
}

func parseFields(s string) ([]string, error) {
	fields := strings.Split(s, ",")
	for i, f := range fields {
		if fields[i] = strings.TrimSpace(f); fields[i] == "" {
			return nil, errors.New("must be names separated by commas, such as _id,created_at")
		}
		if slices.Contains(fields[:i], fields[i]) {
			return nil, fmt.Errorf("names %q twice", fields[i])
		}
	}
	return fields, nil
}

func parseSort(s string) (string, error) {
	if !slices.Contains([]string{"_id", "created_at", "updated_at"}, strings.TrimPrefix(s, "-")) {
		return "", errors.New("must be _id, created_at or updated_at, or one of them with a minus before it")
	}
	return s, nil
}

func (e *rowsExport) run(ctx context.Context, s *session) error {
	logger, settings, err := s.prepare()
	if err != nil {
		return err
	}
	compression, err := e.compression()
	if err != nil {
		return err
	}
	if err := e.check(s.stdout); err != nil {
		return err
	}
	spans, err := e.rowFilters.spans(e.list)
	if err != nil {
		return err
	}
	target, err := s.target()
	if err != nil {
		return err
	}
	warnInsecure(logger, []collector.Target{target})
	client, err := newClient(target, settings, logger)
	if err != nil {
		return err
	}
	defer client.Close()

	cfg := export.Config{
		Client: client,
		Spec: export.Spec{
			Application: target.Name, URL: target.URL, List: e.list, Filters: e.rowFilters.text(),
			Format: export.Format(e.format), Fields: e.fields, Compression: compression,
			Order: export.Order{Field: strings.TrimPrefix(e.sort, "-"), Desc: strings.HasPrefix(e.sort, "-")},
		},
		Where: func() ([]chatapi.Cond, error) { return e.rowFilters.where(time.Now()) },
		Prove: func(ctx context.Context, where []chatapi.Cond) error {
			return e.prove(ctx, s.stderr, settings, target, logger, where)
		},
		Spans: spans, Workers: target.Concurrency,
		Resume: e.resume, Force: e.force, Stream: s.stdout,
	}
	if e.output != "-" {
		cfg.Name = e.output
	}
	run, err := export.Prepare(ctx, cfg)
	if errors.Is(err, export.ErrComplete) {
		fmt.Fprintf(s.stderr, "%s is there, and no export of it that did not finish: %v. To export anew: --force.\n", e.output, err)
		return nil
	}
	if wrong, ok := errors.AsType[usageError](err); ok {
		return wrong // of the filters
	}
	if usage, ok := errors.AsType[export.UsageError](err); ok {
		return usageError{usage}
	}
	if err != nil {
		return interrupted(ctx, err)
	}
	defer run.Close()
	return e.export(ctx, s, target, run)
}

func (e *rowsExport) compression() (export.Compression, error) {
	byName := export.CompressionOf(e.output)
	switch {
	case e.gzip && byName == export.Zstd:
		return "", usagef("--gzip does not go with --output=%s, whose name asks for zstd", e.output)
	case e.gzip:
		return export.Gzip, nil
	}
	return byName, nil
}

// check finds what cannot be done with standard output.
func (e *rowsExport) check(stdout io.Writer) error {
	switch {
	case e.output != "-":
		return nil
	case e.resume:
		return usagef("--resume is not for standard output, which keeps nothing to go on from; name a file with --output")
	case e.force:
		return usagef("--force is not for standard output, where nothing is replaced; name a file with --output")
	case isTerminal(stdout):
		return usagef("rows may hold what changes a terminal: name a file with --output, or pipe them into a program such as less")
	}
	return nil
}

// proofRequests is about how many requests it takes to prove the filters.
const proofRequests = 50

// prove makes sure that the filters in use are honoured. A row too many would be
// seen, one that is missing would not.
func (e *rowsExport) prove(ctx context.Context, w io.Writer, set collector.Settings, target collector.Target, logger log.Logger, where []chatapi.Cond) error {
	used := map[string]bool{}
	for _, c := range where {
		if c.Field != string(chatapi.ChatDialogID) {
			used[c.Field] = true
		}
	}
	if len(used) == 0 {
		return nil
	}
	if text := takes(proofRequests, target.RateLimit); text != "" {
		fmt.Fprintf(w, "Proving the API's filters on known rows: about %d requests, %s.\n", proofRequests, text)
	}
	set.Collectors = []string{"windows"}
	// What fails of the other list is of no concern here.
	status, err := collector.CheckTarget(ctx, set, target, logger)
	for _, f := range status.Filters {
		switch {
		case f.Endpoint != string(e.list) || !used[f.Filter]:
		case f.State == "supported":
			delete(used, f.Filter)
		case f.State == "unsupported":
			return fmt.Errorf("the API does not honour the filter %s of %s (%s), so rows would be missing; export without it", f.Filter, f.Endpoint, f.Reason)
		}
	}
	if len(used) > 0 && err != nil {
		return fmt.Errorf("proving the filters: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	for filter := range used {
		fmt.Fprintf(w, "There is no row to prove the filter %s on: rows may be missing.\n", filter)
	}
	return nil
}

// export runs, and tells how it goes and what came of it.
func (e *rowsExport) export(ctx context.Context, s *session, target collector.Target, run *export.Export) error {
	began := time.Now()
	done, counted := run.Progress()
	if e.resume && !run.Resumed() {
		fmt.Fprintln(s.stderr, "There is nothing to go on after: beginning anew.")
	}
	if run.Resumed() {
		fmt.Fprintf(s.stderr, "Going on after %s of %s %s.\n", human.Count(done), human.Count(counted), e.list)
	} else {
		fmt.Fprintf(s.stderr, "%s %s to export", human.Count(counted), e.list)
		if text := takes(counted/chatapi.MaxLimit, target.RateLimit); text != "" {
			fmt.Fprintf(s.stderr, ": %s at the rate limit of %g requests per second (--api.rate-limit)", text, target.RateLimit)
		}
		fmt.Fprintln(s.stderr, ".")
	}
	shown := showProgress(s.stderr, func() string { return exportProgress(run, done, time.Since(began)) })
	result, err := run.Run(ctx)
	shown.stop()
	if err != nil {
		return e.unfinished(ctx, run, err)
	}
	e.summarize(s.stderr, result, time.Since(began))
	return nil
}

const barWidth = 24

// exportProgress is a line such as "[#####-----] 48 %, 1200 rows, 600 a second,
// about 2.0 s left".
func exportProgress(run *export.Export, before int64, took time.Duration) string {
	rows, counted := run.Progress()
	share := 0.0
	if counted > 0 {
		share = min(1, float64(rows)/float64(counted))
	}
	if trouble := run.Trouble(); trouble != "" {
		return fmt.Sprintf("%s, %s rows. Waiting: %s", human.Percent(share), human.Count(rows), trouble)
	}
	full := int(share * barWidth)
	text := fmt.Sprintf("[%s%s] %s, %s rows", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), human.Percent(share), human.Count(rows))
	if fresh := rows - before; fresh > 0 && took >= time.Second {
		speed := float64(fresh) / took.Seconds()
		text += ", " + human.Count(int64(speed)) + " a second"
		if left := counted - rows; left > 0 {
			text += ", about " + human.Took(time.Duration(float64(left)/speed*float64(time.Second))) + " left"
		}
	}
	return text
}

// unfinished says what went wrong, and how to go on.
func (e *rowsExport) unfinished(ctx context.Context, run *export.Export, err error) error {
	if _, ok := errors.AsType[export.WriteError](err); ok {
		err = fmt.Errorf("writing to %s: %w", e.target(), err)
	} else {
		err = interrupted(ctx, err)
	}
	switch {
	case e.output == "-":
		return fmt.Errorf("%w; what was written is not all", err)
	case run.Kept() == 0:
		return fmt.Errorf("%w; no row is kept: give the same command with --resume to begin anew", err)
	}
	return fmt.Errorf("%w; %s rows are kept in %s.part: give the same command with --resume to go on", err, human.Count(run.Kept()), e.output)
}

func (e *rowsExport) target() string {
	if e.output == "-" {
		return "standard output"
	}
	return e.output
}

// summarize tells whether the output is exact.
func (e *rowsExport) summarize(w io.Writer, r export.Result, took time.Duration) {
	fmt.Fprintf(w, "%s: %s %s in %s", e.target(), human.Count(r.Rows), e.list, human.Took(took))
	if r.Exact() {
		fmt.Fprintln(w, ", as many as the API counts.")
		return
	}
	fmt.Fprintf(w, ". The API counted %s before and %s after: rows came or went meanwhile. Each that was there all the time is in it, once.\n",
		human.Count(r.Before), human.Count(r.After))
}
