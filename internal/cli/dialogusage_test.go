package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong with the command is said before anything is sent.
func TestDialogUsage(t *testing.T) {
	t.Parallel()
	six := []string{"--admin=1", "--admin=2", "--admin=3", "--admin=4", "--admin=5", "--admin=6"}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no subcommand":              {[]string{}, "the command dialog needs one more word after it: show, mutes, update"},
		"show of nothing":            {[]string{"show"}, "required argument 'ID' not provided"},
		"show of a short id":         {[]string{"show", "620e"}, "ID must be that of a dialog, 24 hexadecimal digits"},
		"mutes of words":             {[]string{"mutes", "the-dialog-of-the-operator"}, "ID must be that of a dialog"},
		"two ids":                    {[]string{"show", opsID, opsID}, opsID},
		"format of another kind":     {[]string{"show", opsID, "--format=xml"}, "--format must be one of text, json"},
		"update of a bad id":         {[]string{"update", "../list", "--name=x"}, "ID must be that of a dialog"},
		"nothing to change":          {[]string{"update", opsID}, "nothing to change: say what, such as --mute-for=32242"},
		"user in words":              {[]string{"update", opsID, "--mute-for=bob"}, "--mute-for must be the id of a user, a whole number above 0"},
		"user of zero":               {[]string{"update", opsID, "--unmute-for=0"}, "--unmute-for must be the id of a user"},
		"negative user":              {[]string{"update", opsID, "--add-occupant=-5"}, "--add-occupant must be the id of a user"},
		"users with a comma":         {[]string{"update", opsID, "--remove-occupant=5,6"}, "--remove-occupant must be the id of a user"},
		"user of a fraction":         {[]string{"update", opsID, "--admin=5.5"}, "--admin must be the id of a user"},
		"huge user":                  {[]string{"update", opsID, "--remove-admin=99999999999999999999"}, "--remove-admin must be the id of a user"},
		"message in words":           {[]string{"update", opsID, "--pin=hello"}, "--pin must be the id of a message, 24 hexadecimal digits"},
		"unpinned in words":          {[]string{"update", opsID, "--unpin="}, "--unpin must be the id of a message"},
		"no value":                   {[]string{"update", opsID, "--mute-for"}, "--mute-for needs a value"},
		"a name twice":               {[]string{"update", opsID, "--name=a", "--name=b"}, "name"},
		"a name of bytes":            {[]string{"update", opsID, "--name=\xff"}, "--name must be text in UTF-8"},
		"an extension of bytes":      {[]string{"update", opsID, "--extension=a=\xff"}, "--extension must be text in UTF-8"},
		"an extension of no value":   {[]string{"update", opsID, "--extension=a"}, "--extension must look like key=value"},
		"an extension of no key":     {[]string{"update", opsID, "--extension==a"}, "--extension must look like key=value"},
		"an extension twice":         {[]string{"update", opsID, "--extension=a=1", "--extension=a=2"}, `--extension is given twice for "a"`},
		"four extensions":            {[]string{"update", opsID, "--extension=a=1", "--extension=b=2", "--extension=c=3", "--extension=d=4"}, "at most 3 extensions, not 4"},
		"extensions set and reset":   {[]string{"update", opsID, "--extension=a=1", "--reset-extensions"}, "either reset or set"},
		"a permission unheard of":    {[]string{"update", opsID, "--permission=allow_all=true"}, `no permission "allow_all", only allow_preview`},
		"a permission of maybe":      {[]string{"update", opsID, "--permission=allow_preview=maybe"}, "--permission: allow_preview must be true or false"},
		"a permission twice":         {[]string{"update", opsID, "--permission=allow_preview=true", "--permission=allow_preview=false"}, "--permission is given twice"},
		"six admins":                 {append([]string{"update", opsID}, six...), "at most 5 admins, and 6 are to be added"},
		"muted and not":              {[]string{"update", opsID, "--mute-for=5", "--unmute-for=5"}, "user 5 is to be muted and unmuted"},
		"in and out":                 {[]string{"update", opsID, "--add-occupant=5", "--remove-occupant=5"}, "user 5 is to be added to the occupants and removed"},
		"a body beside flags":        {[]string{"update", opsID, "--json=x", "--name=a", "--mute-for=5"}, "--json is the whole body of the request, so --mute-for, --name cannot stand beside it"},
		"a body that is not there":   {[]string{"update", opsID, "--json=/nowhere.json"}, "--json: open /nowhere.json: no such file"},
		"a body that is none":        {[]string{"update", opsID, "--json=" + write(t, "b", "{")}, "is not JSON from beginning to end"},
		"a body of more":             {[]string{"update", opsID, "--json=" + write(t, "b", `{"title":"x"}`)}, `does not document a parameter "title"`},
		"a body of too much":         {[]string{"update", opsID, "--json=" + write(t, "b", `{"name":"`+strings.Repeat("x", longestBody)+`"}`)}, "is longer than 1 MiB"},
		"a body that is a directory": {[]string{"update", opsID, "--json=" + filepath.Dir(write(t, "b", ""))}, "--json: reading "},
		"no application":             {[]string{"update", opsID, "--name=x"}, "no application is configured"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"dialog"}, c.args...)
			if len(c.args) > 0 && c.args[0] == "update" {
				args = append(args, "--yes")
			}
			code, stdout, stderr := execute(t, args...)
			if name == "no value" {
				code, stdout, stderr = execute(t, args[:len(args)-1]...)
			}
			if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("code %d, %q, %q, want %q", code, stdout, stderr, c.want)
			}
		})
	}
}
