package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/internal/dialog"
)

// dialogUpdater changes one dialog.
type dialogUpdater struct {
	oneDialog
	changeFlags
	yes, dryRun bool

	stdin    io.Reader
	attended func(*session) bool // tells whether somebody can be asked
}

func newDialogUpdater() *dialogUpdater {
	return &dialogUpdater{stdin: os.Stdin, attended: func(s *session) bool { return isConsole(os.Stdin) && isConsole(s.stderr) }}
}

func newDialogUpdate(parent *kingpin.CmdClause, u *dialogUpdater) command {
	clause := parent.Command("update", "Change a dialog, or who muted it. Shows first what will change, and asks. The dialog as it is then goes to standard output, as JSON.")
	u.oneDialog.register(clause)
	u.changeFlags.register(clause)
	clause.Flag("yes", "Do not ask. Needed where standard input is not a terminal.").
		SetValue(&boolValue{value[bool]{name: "yes", target: &u.yes, parse: parseBool}})
	clause.Flag("dry-run", "Print the requests, without the key, and send none but the look at the dialog.").
		SetValue(&boolValue{value[bool]{name: "dry-run", target: &u.dryRun, parse: parseBool}})
	return command{clause, u.run}
}

func (u *dialogUpdater) run(ctx context.Context, s *session) error {
	if _, err := u.id(); err != nil {
		return err
	}
	change, err := u.change(ctx, u.stdin, u.mayAsk())
	if err != nil {
		return interrupted(ctx, err)
	}
	desk, err := u.open(s)
	if err != nil {
		return err
	}
	defer desk.client.Close()
	if u.mayAsk() && !u.attended(s) {
		return usagef("there is no terminal to ask on: confirm the change with --yes, or look first with --dry-run")
	}
	now, err := desk.survey(ctx, change)
	if err != nil {
		return err
	}
	for shownAnew := false; ; shownAnew = true {
		requests, err := now.preview(s.stderr, desk, change)
		switch {
		case err != nil:
			return err
		case len(requests) == 0 && u.dryRun:
			return nil
		case len(requests) == 0:
			return printRow(s.stdout, now.raw)
		case u.dryRun:
			return printRequests(s.stdout, desk, requests)
		case u.yes && shownAnew:
			return desk.apply(ctx, s, change, requests)
		case !u.yes:
			if err := u.ask(ctx, s.stderr); err != nil {
				return err
			}
		}
		shown := now
		if now, err = desk.survey(ctx, change); err != nil {
			return fmt.Errorf("looking again before the change: %w; nothing was changed", err)
		}
		if now.like(shown) {
			if requests, err = change.Requests(now.row); err != nil {
				return err
			}
			return desk.apply(ctx, s, change, requests)
		}
		fmt.Fprintln(s.stderr, "The dialog has changed since it was shown. Now it is:")
	}
}

func (u *dialogUpdater) mayAsk() bool { return !u.yes && !u.dryRun }

// survey is a dialog at one moment, and what a change would make of it.
type survey struct {
	raw      chatapi.RawDialog
	row      dialog.Row
	effects  []dialog.Effect
	warnings []string
}

func (d *desk) survey(ctx context.Context, change dialog.Change) (survey, error) {
	raw, err := d.look(ctx)
	if err != nil {
		return survey{}, err
	}
	row, err := dialog.ReadRow(raw)
	if err != nil {
		return survey{}, fmt.Errorf("%w, nor changed", err)
	}
	return survey{raw, row, change.Effects(row), change.Warnings(row)}, nil
}

// like tells whether who saw the other has seen this one.
func (v survey) like(other survey) bool {
	return slices.Equal(v.effects, other.effects) && slices.Equal(v.warnings, other.warnings)
}

// preview tells what is to change, and gives the requests that do it.
func (v survey) preview(w io.Writer, d *desk, change dialog.Change) ([]dialog.Request, error) {
	fmt.Fprintf(w, "Dialog %s of %s: %s.\n", d.id, d.target.Name, v.row.Summary())
	for _, e := range v.effects {
		fmt.Fprintf(w, "  %s\n", e)
	}
	if err := change.CheckOn(v.row); err != nil {
		return nil, fmt.Errorf("dialog %s cannot be changed like this: %w", d.id, err)
	}
	for _, warning := range v.warnings {
		fmt.Fprintln(w, warning)
	}
	requests, err := change.Requests(v.row)
	if err != nil {
		return nil, err
	}
	switch len(requests) {
	case 0:
		fmt.Fprintln(w, "The dialog already has what you ask for: there is nothing to change, and nothing is sent.")
	case 1:
	default:
		fmt.Fprintf(w, "This takes %d requests, one after the other: %s.\n", len(requests), whats(requests))
	}
	return requests, nil
}

// printRequests shows what would be sent.
func printRequests(w io.Writer, d *desk, requests []dialog.Request) error {
	header := d.client.UpdateHeader()
	var b strings.Builder
	for i, r := range requests {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s %s\n", http.MethodPut, d.client.UpdateURL(d.id))
		for _, name := range sortedKeys(header) {
			fmt.Fprintf(&b, "%s: %s\n", name, header.Get(name))
		}
		fmt.Fprintf(&b, "\n%s\n", dialog.JSON(r.Body))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the requests: %w", err)
	}
	return nil
}

func sortedKeys(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// apply sends the requests one after the other, and prints the dialog as the
// last reply shows it.
func (d *desk) apply(ctx context.Context, s *session, change dialog.Change, requests []dialog.Request) error {
	var reply chatapi.RawDialog
	for i, r := range requests {
		var err error
		if reply, err = d.client.UpdateDialogRaw(ctx, d.id, r.Body); err != nil {
			return d.failed(ctx, err, requests, i)
		}
	}
	if err := printRow(s.stdout, reply); err != nil {
		return fmt.Errorf("dialog %s is changed, but: %w", d.id, err)
	}
	row, err := dialog.ReadRow(reply)
	if err != nil {
		fmt.Fprintf(s.stderr, "The API accepted the change. Its reply could not be checked: %v.\n", err)
		return nil
	}
	if lacking := change.Lacking(row); len(lacking) > 0 {
		return fmt.Errorf("the API accepted the change of dialog %s, but its reply does not show it for: %s "+
			"(it ignores extensions that are not set up in the admin panel, Chat, Custom Fields); to see what is there now, use dialog show %s", d.id, strings.Join(lacking, ", "), d.id)
	}
	fmt.Fprintln(s.stderr, "Changed.")
	return nil
}
