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
	if !u.yes && !u.dryRun {
		switch {
		case u.bodyFile == "-":
			return usagef("--json=- takes standard input, so there is nowhere to ask: confirm with --yes, or look first with --dry-run")
		case !u.attended(s):
			return usagef("there is no terminal to ask on: confirm the change with --yes, or look first with --dry-run")
		}
	}
	change, err := u.change(ctx, u.stdin)
	if err != nil {
		return interrupted(ctx, err)
	}
	desk, err := u.open(s)
	if err != nil {
		return err
	}
	defer desk.client.Close()
	raw, err := desk.look(ctx)
	if err != nil {
		return err
	}
	row, err := dialog.ReadRow(raw)
	if err != nil {
		return fmt.Errorf("%w, nor changed", err)
	}
	requests, err := u.preview(s.stderr, desk, row, change)
	if err != nil {
		return err
	}
	switch {
	case len(requests) == 0 && u.dryRun:
		return nil
	case len(requests) == 0:
		return printRow(s.stdout, raw)
	case u.dryRun:
		return printRequests(s.stdout, desk, requests)
	}
	if !u.yes {
		if err := u.ask(ctx, s.stderr); err != nil {
			return err
		}
	}
	return desk.apply(ctx, s, change, requests)
}

// preview tells what is to change, and gives the requests that do it.
func (u *dialogUpdater) preview(w io.Writer, d *desk, row dialog.Row, change dialog.Change) ([]dialog.Request, error) {
	fmt.Fprintf(w, "Dialog %s of %s: %s.\n", d.id, d.target.Name, row.Summary())
	for _, e := range change.Effects(row) {
		fmt.Fprintf(w, "  %s\n", e)
	}
	if err := change.CheckOn(row); err != nil {
		return nil, fmt.Errorf("dialog %s cannot change so: %w", d.id, err)
	}
	for _, warning := range change.Warnings(row) {
		fmt.Fprintln(w, warning)
	}
	requests, err := change.Requests(row)
	if err != nil {
		return nil, err
	}
	switch len(requests) {
	case 0:
		fmt.Fprintln(w, "All is like that already: there is nothing to change, and nothing is sent.")
	case 1:
	default:
		whats := make([]string, len(requests))
		for i, r := range requests {
			whats[i] = r.What
		}
		fmt.Fprintf(w, "This takes %d requests, one after the other: %s.\n", len(requests), strings.Join(whats, "; "))
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
		fmt.Fprintf(s.stderr, "The API took the change. Whether its reply shows it cannot be told: %v.\n", err)
		return nil
	}
	if lacking := change.Lacking(row); len(lacking) > 0 {
		return fmt.Errorf("the API took the change of dialog %s, but its reply does not show it for: %s "+
			"(it ignores extensions that are not set up in the admin panel, Chat, Custom Fields); dialog show %s tells what is there now", d.id, strings.Join(lacking, ", "), d.id)
	}
	fmt.Fprintln(s.stderr, "Changed.")
	return nil
}
