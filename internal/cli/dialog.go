package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/internal/dialog"
)

func newDialog(app *kingpin.Application) []command {
	parent := app.Command("dialog", "Look at one dialog, or change it.")
	return []command{
		newDialogShow(parent),
		newDialogMutes(parent),
		newDialogUpdate(parent, newDialogUpdater()),
	}
}

// oneDialog is the dialog that a command is about.
type oneDialog struct{ idText string }

func (d *oneDialog) register(clause *kingpin.CmdClause) {
	clause.Arg("ID", "Id of the dialog, such as 620e2b1463ee2a1977b4ee65.").Required().StringVar(&d.idText)
}

func (d *oneDialog) id() (chatapi.ObjectID, error) {
	id, err := chatapi.ParseObjectID(d.idText)
	if err != nil {
		return id, usagef("ID must be that of a dialog, 24 hexadecimal digits such as 620e2b1463ee2a1977b4ee65")
	}
	return id, nil
}

// desk is where one dialog is looked at and changed.
type desk struct {
	id     chatapi.ObjectID
	target collector.Target
	client *chatapi.Client
}

// open reads the settings and sends nothing.
func (d *oneDialog) open(s *session) (*desk, error) {
	id, err := d.id()
	if err != nil {
		return nil, err
	}
	logger, settings, err := s.prepare()
	if err != nil {
		return nil, err
	}
	target, err := s.target()
	if err != nil {
		return nil, err
	}
	warnInsecure(logger, []collector.Target{target})
	client, err := newClient(target, settings, logger)
	if err != nil {
		return nil, err
	}
	return &desk{id, target, client}, nil
}

// fetch is all that a command needs which only looks.
func (d *oneDialog) fetch(ctx context.Context, s *session) (chatapi.RawDialog, error) {
	desk, err := d.open(s)
	if err != nil {
		return chatapi.RawDialog{}, err
	}
	defer desk.client.Close()
	return desk.look(ctx)
}

// look fetches the dialog: the API gets none by its id, but lists what lies
// between two ids.
func (d *desk) look(ctx context.Context) (chatapi.RawDialog, error) {
	page, err := d.client.RawDialogs(ctx, chatapi.Query{Where: chatapi.ID.Only(d.id), Limit: 1})
	if err != nil {
		return chatapi.RawDialog{}, interrupted(ctx, fmt.Errorf("looking for dialog %s: %w%s%s", d.id, err, vendorSays(err), redirected(err)))
	}
	if len(page.Items) == 0 {
		return chatapi.RawDialog{}, fmt.Errorf("the application %s has no dialog %s (is the id right, and the key that of its application?)", d.target.Name, d.id)
	}
	return page.Items[0], nil
}

// redirected tells what to do about a redirect.
func redirected(err error) string {
	var e *chatapi.Error
	if errors.As(err, &e) && e.Status >= 300 && e.Status < 400 {
		return "; check --api.url, which must be the address that the API itself answers at"
	}
	return ""
}

// vendorSays quotes what the API wrote beside its refusal, if it did.
func vendorSays(err error) string {
	var e *chatapi.Error
	if errors.As(err, &e) && e.Message != "" {
		return "; the API says: " + e.Message
	}
	return ""
}

// dialogShow shows all of a dialog.
type dialogShow struct {
	oneDialog
	format string
}

func newDialogShow(parent *kingpin.CmdClause) command {
	d := &dialogShow{}
	clause := parent.Command("show", "Show a dialog: its type, name and owner, its members, admins and mutes. What was said last is not shown as text.")
	d.register(clause)
	clause.Flag("format", "Format: text for people, or json, the row as the API sent it. One of text, json.").Default("text").
		SetValue(&value[string]{name: "format", target: &d.format, parse: oneOf([]string{"text", "json"})})
	return command{clause, d.run}
}

func (d *dialogShow) run(ctx context.Context, s *session) error {
	raw, err := d.fetch(ctx, s)
	if err != nil {
		return err
	}
	if d.format == "json" {
		return printRow(s.stdout, raw)
	}
	row, err := dialog.ReadRow(raw)
	if err != nil {
		return fmt.Errorf("%w; --format=json shows the row as it is", err)
	}
	if err := row.Show(s.stdout, time.Now()); err != nil {
		return fmt.Errorf("writing the dialog: %w", err)
	}
	return nil
}

func printRow(w io.Writer, raw chatapi.RawDialog) error {
	if _, err := fmt.Fprintf(w, "%s\n", dialog.JSON(raw.JSON)); err != nil {
		return fmt.Errorf("writing the dialog: %w", err)
	}
	return nil
}

// dialogMutes lists who muted a dialog.
type dialogMutes struct{ oneDialog }

func newDialogMutes(parent *kingpin.CmdClause) command {
	d := &dialogMutes{}
	clause := parent.Command("mutes", "List who muted a dialog: one user id a line on standard output. Counts, and the members who did not, go to standard error.")
	d.register(clause)
	return command{clause, d.run}
}

func (d *dialogMutes) run(ctx context.Context, s *session) error {
	raw, err := d.fetch(ctx, s)
	if err != nil {
		return err
	}
	// Only lists of ids are needed, which the client has checked.
	row := dialog.Row{RawDialog: raw}
	for _, user := range row.Muters() {
		if _, err := fmt.Fprintln(s.stdout, user); err != nil {
			return fmt.Errorf("writing the mutes: %w", err)
		}
	}
	fmt.Fprintln(s.stderr, muteCounts(row))
	return nil
}

func muteCounts(row dialog.Row) string {
	muters, listeners, outsiders := row.Muters(), row.Listeners(), row.Outsiders()
	if !row.Listed() {
		return fmt.Sprintf("Muted by %s. This dialog is %s: the API does not list its members.", dialog.Count(len(muters), "user"), row.TypeName())
	}
	text := fmt.Sprintf("Muted by %d of %s.", len(muters)-len(outsiders), dialog.Count(len(muters)-len(outsiders)+len(listeners), "member"))
	if len(outsiders) > 0 {
		text += fmt.Sprintf(" Also muted by %s, no longer or never a member: %s.", dialog.Count(len(outsiders), "user"), dialog.List(outsiders))
	}
	if len(listeners) > 0 {
		text += fmt.Sprintf(" Not muted by: %s.", dialog.List(listeners))
	}
	return text
}
