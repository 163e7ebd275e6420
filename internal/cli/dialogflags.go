package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/kingpin/v2"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/internal/dialog"
)

const longestBody = 1 << 20

// changeFlags say what of a dialog is to change.
type changeFlags struct {
	muteFor, unmuteFor            []int64
	name, photo, description      *string
	addOccupants, removeOccupants []int64
	admins, removeAdmins          []int64
	pins, unpins                  []string
	extensions, permissions       [][2]string
	resetExtensions               bool
	bodyFile                      string
}

func (f *changeFlags) register(clause *kingpin.CmdClause) {
	users := func(target *[]int64, name, help string) {
		clause.Flag(name, help+" Repeatable.").PlaceHolder("USER").SetValue(&listValue[int64]{name, target, parseUser})
	}
	text := func(target **string, name, help string) {
		clause.Flag(name, help).PlaceHolder("TEXT").SetValue(&value[*string]{name: name, target: target, parse: parseWords})
	}
	messages := func(target *[]string, name, help string) {
		clause.Flag(name, help+" Repeatable.").PlaceHolder("MESSAGE").SetValue(&listValue[string]{name, target, parseMessage})
	}
	pairs := func(target *[][2]string, name, help string) {
		clause.Flag(name, help+" Repeatable.").PlaceHolder("K=V").SetValue(&listValue[[2]string]{name, target, parsePair})
	}
	users(&f.muteFor, "mute-for", "User whose pushes from the dialog are to end. A request for each.")
	users(&f.unmuteFor, "unmute-for", "User whose pushes are to come again. A request for each.")
	text(&f.name, "name", "Name of the dialog.")
	text(&f.photo, "photo", "Photo: the id, uid or URL of a file.")
	text(&f.description, "description", "Description of the dialog.")
	users(&f.addOccupants, "add-occupant", "User to be a member, of a group or public dialog.")
	users(&f.removeOccupants, "remove-occupant", "User not to be a member any longer.")
	users(&f.admins, "admin", "User to be an admin; a dialog has five at most.")
	users(&f.removeAdmins, "remove-admin", "User not to be an admin any longer.")
	messages(&f.pins, "pin", "Message to pin.")
	messages(&f.unpins, "unpin", "Message to unpin.")
	pairs(&f.extensions, "extension", "Extension to set, such as location=bar. A dialog has three at most; the others stay.")
	clause.Flag("reset-extensions", "Remove all extensions.").
		SetValue(&boolValue{value[bool]{name: "reset-extensions", target: &f.resetExtensions, parse: parseBool}})
	pairs(&f.permissions, "permission", "Permission to set: allow_preview=true or allow_preview=false.")
	clause.Flag("json", "File with the body of the request, instead of all these flags; - is standard input.").PlaceHolder("FILE").
		SetValue(&value[string]{name: "json", target: &f.bodyFile, parse: parseFileName})
}

// listValue is the value of a repeatable flag.
type listValue[T any] struct {
	name   string
	target *[]T
	parse  func(string) (T, error)
}

func (v *listValue[T]) Set(text string) error {
	parsed, err := v.parse(text)
	if err != nil {
		return &valueError{v.name, err}
	}
	*v.target = append(*v.target, parsed)
	return nil
}

func (v *listValue[T]) String() string     { return "" }
func (v *listValue[T]) IsCumulative() bool { return true }

func parseUser(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id <= 0 {
		return 0, errors.New("must be the id of a user, a whole number above 0")
	}
	return id, nil
}

func parseMessage(s string) (string, error) {
	id, err := chatapi.ParseObjectID(s)
	if err != nil {
		return "", errors.New("must be the id of a message, 24 hexadecimal digits")
	}
	return id.String(), nil
}

func parseWords(s string) (*string, error) {
	if !utf8.ValidString(s) {
		return nil, errors.New("must be text in UTF-8")
	}
	return &s, nil
}

func parsePair(s string) (pair [2]string, err error) {
	key, val, found := strings.Cut(s, "=")
	switch {
	case !utf8.ValidString(s):
		return pair, errors.New("must be text in UTF-8")
	case !found || key == "":
		return pair, errors.New("must look like key=value")
	}
	return [2]string{key, val}, nil
}

// parseFileName takes no name for standard input: of "--json -", kingpin leaves
// no more.
func parseFileName(s string) (string, error) { return cmp.Or(s, "-"), nil }

// given names the flags that say what is to change, but for --json.
func (f *changeFlags) given() (names []string) {
	for _, flag := range []struct {
		name  string
		given bool
	}{
		{"mute-for", f.muteFor != nil}, {"unmute-for", f.unmuteFor != nil},
		{"name", f.name != nil}, {"photo", f.photo != nil}, {"description", f.description != nil},
		{"add-occupant", f.addOccupants != nil}, {"remove-occupant", f.removeOccupants != nil},
		{"admin", f.admins != nil}, {"remove-admin", f.removeAdmins != nil},
		{"pin", f.pins != nil}, {"unpin", f.unpins != nil},
		{"extension", f.extensions != nil}, {"reset-extensions", f.resetExtensions}, {"permission", f.permissions != nil},
	} {
		if flag.given {
			names = append(names, "--"+flag.name)
		}
	}
	return names
}

// change is what the flags, or the body, ask for. Who is to be asked cannot give
// the body on standard input.
func (f *changeFlags) change(ctx context.Context, stdin io.Reader, asks bool) (dialog.Change, error) {
	given := f.given()
	switch {
	case f.bodyFile != "" && len(given) > 0:
		return dialog.Change{}, usagef("--json is the whole body of the request, so %s cannot stand beside it", strings.Join(given, ", "))
	case f.bodyFile == "-" && asks:
		return dialog.Change{}, usagef("--json=- takes standard input, so there is nowhere to ask: confirm with --yes, or look first with --dry-run")
	case f.bodyFile != "":
		return f.readBody(ctx, stdin)
	case len(given) == 0:
		return dialog.Change{}, usagef("nothing to change: say what, such as --mute-for=32242 or --name=Ops, or give a body with --json (%s dialog update --help lists all)", Name)
	}
	c := dialog.Change{
		ResetExtensions: f.resetExtensions,
		Add:             dialog.Lists{Occupants: once(f.addOccupants), Admins: once(f.admins), Pinned: once(f.pins)},
		Remove:          dialog.Lists{Occupants: once(f.removeOccupants), Admins: once(f.removeAdmins), Pinned: once(f.unpins)},
	}
	for _, user := range once(f.muteFor) {
		c.Mutes = append(c.Mutes, dialog.Mute{User: user, On: true})
	}
	for _, user := range once(f.unmuteFor) {
		c.Mutes = append(c.Mutes, dialog.Mute{User: user})
	}
	c.Texts = map[string]*string{}
	for name, text := range map[string]*string{"name": f.name, "photo": f.photo, "description": f.description} {
		if text != nil {
			c.Texts[name] = text
		}
	}
	c.Extensions = map[string]string{}
	for _, pair := range f.extensions {
		if _, ok := c.Extensions[pair[0]]; ok {
			return c, usagef("--extension is given twice for %q", pair[0])
		}
		c.Extensions[pair[0]] = pair[1]
	}
	for _, pair := range f.permissions {
		on, err := parseBool(pair[1])
		switch {
		case pair[0] != "allow_preview":
			return c, usagef("--permission: the vendor documents no permission %q, only allow_preview", pair[0])
		case err != nil:
			return c, usagef("--permission: allow_preview %w", err)
		case c.AllowPreview != nil:
			return c, usagef("--permission is given twice for allow_preview")
		}
		c.AllowPreview = &on
	}
	if err := c.Check(); err != nil {
		return c, usageError{fmt.Errorf("dialog update: %w", err)}
	}
	return c, nil
}

// once drops what is repeated.
func once[T comparable](list []T) (out []T) {
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// readBody reads the body from its file.
func (f *changeFlags) readBody(ctx context.Context, stdin io.Reader) (dialog.Change, error) {
	name, in := f.bodyFile, stdin
	if name == "-" {
		name = "standard input"
	} else {
		file, err := os.Open(name)
		if err != nil {
			return dialog.Change{}, usagef("--json: %w", err)
		}
		defer file.Close()
		in = file
	}
	body, err := await(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(in, longestBody+1)) })
	switch {
	case ctx.Err() != nil:
		return dialog.Change{}, ctx.Err()
	case err != nil:
		return dialog.Change{}, usagef("--json: reading %s: %w", name, err)
	case len(body) > longestBody:
		return dialog.Change{}, usagef("--json: %s is longer than 1 MiB", name)
	}
	change, err := dialog.ParseBody(body)
	if err != nil {
		return change, usagef("--json: %s: %w", name, err)
	}
	return change, nil
}
