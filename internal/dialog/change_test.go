package dialog

import (
	"slices"
	"strings"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

func ptr[T any](v T) *T { return &v }

// ops is a group of three members, the first of whom is an admin; the second
// muted it.
func ops(t *testing.T) Row {
	return rowOf(t, chatapi.Dialog{Type: 2, OccupantsIDs: []int64{1, 2, 3}, SilentIDs: []int64{2}},
		`"name":"Ops","admins_ids":[1],"silent_ids":[2],"extensions":{"shop":"9","note":"x"},"permissions":{"allow_preview":true},"pinned_messages_ids":["620e2b14e45f5b089d000008"]`)
}

// Every change tells what it makes of the dialog, and is sent as the vendor
// documents it; what the dialog already has is not sent.
func TestEffectsAndRequests(t *testing.T) {
	t.Parallel()
	const pin, other = "620e2b14e45f5b089d000008", "620e2b14e45f5b089d000009"
	hidden := rowOf(t, chatapi.Dialog{Type: 4}, `"occupants_count":5`)
	for name, c := range map[string]struct {
		row      Row
		change   Change
		effects  []string
		requests []string
	}{
		"mute": {ops(t), Change{Mutes: []Mute{{3, true}}}, []string{"user 3: not muted → muted"}, []string{`{"user_id":3,"is_muted":true}`}},
		"mutes": {ops(t), Change{Mutes: []Mute{{1, true}, {2, true}, {3, true}}}, []string{"user 1: not muted → muted", "user 2: muted (no change)", "user 3: not muted → muted"},
			[]string{`{"user_id":1,"is_muted":true}`, `{"user_id":3,"is_muted":true}`}},
		"unmute":           {ops(t), Change{Mutes: []Mute{{2, false}}}, []string{"user 2: muted → not muted"}, []string{`{"user_id":2,"is_muted":false}`}},
		"unmute of no-one": {ops(t), Change{Mutes: []Mute{{1, false}}}, []string{"user 1: not muted (no change)"}, nil},
		"texts": {ops(t), Change{Texts: map[string]*string{"name": ptr("<Ops> 2"), "photo": ptr("7"), "description": ptr("\u202eb")}},
			[]string{`description: none → "\u202eb"`, `name: "Ops" → "<Ops> 2"`, `photo: none → "7"`}, []string{`{"name":"<Ops> 2","photo":"7","description":"` + "\u202eb" + `"}`}},
		"an empty text":      {ops(t), Change{Texts: map[string]*string{"name": ptr("")}}, []string{`name: "Ops" → ""`}, []string{`{"name":""}`}},
		"the same text":      {ops(t), Change{Texts: map[string]*string{"name": ptr("Ops")}}, []string{`name: "Ops" (no change)`}, nil},
		"one of two texts":   {ops(t), Change{Texts: map[string]*string{"name": ptr("Ops"), "photo": ptr("7")}}, []string{`name: "Ops" (no change)`, `photo: none → "7"`}, []string{`{"photo":"7"}`}},
		"an extension":       {ops(t), Change{Extensions: map[string]string{"shop": "10"}}, []string{`extensions: note="x", shop="9" → note="x", shop="10"`}, []string{`{"extensions":{"note":"x","shop":"10"}}`}},
		"the same extension": {ops(t), Change{Extensions: map[string]string{"shop": "9"}}, []string{`extensions: note="x", shop="9" (no change)`}, nil},
		"extensions reset":   {ops(t), Change{ResetExtensions: true}, []string{`extensions: note="x", shop="9" → none`}, []string{`{"extensions":null}`}},
		"no preview":         {ops(t), Change{AllowPreview: ptr(false)}, []string{"permission allow_preview: true → false"}, []string{`{"permissions":{"allow_preview":false}}`}},
		"a permission anew":  {hidden, Change{AllowPreview: ptr(false)}, []string{"permission allow_preview: not set → false"}, []string{`{"permissions":{"allow_preview":false}}`}},
		"members":            {ops(t), Change{Add: Lists{Occupants: []int64{3, 4, 5}}}, []string{"occupants: 3 → 5 (add 4, 5; already among them: 3)"}, []string{`{"push_all":{"occupants_ids":[4,5]}}`}},
		"members there and not there": {ops(t), Change{Add: Lists{Occupants: []int64{3}}, Remove: Lists{Occupants: []int64{9}}},
			[]string{"occupants: already among them: 3; not among them: 9 (no change)"}, nil},
		"members not listed": {hidden, Change{Add: Lists{Occupants: []int64{3}}, Remove: Lists{Occupants: []int64{9}}},
			[]string{"occupants: not listed → add 3; remove 9"}, []string{`{"pull_all":{"occupants_ids":[9]}}`, `{"push_all":{"occupants_ids":[3]}}`}},
		"members and an admin": {ops(t), Change{Add: Lists{Admins: []int64{2}}, Remove: Lists{Occupants: []int64{3}}},
			[]string{"occupants: 3 → 2 (remove 3)", "admins: 1 → 2 (add 2)"}, []string{`{"push_all":{"admins_ids":[2]},"pull_all":{"occupants_ids":[3]}}`}},
		"admins come and go": {ops(t), Change{Add: Lists{Admins: []int64{2}}, Remove: Lists{Admins: []int64{1}}},
			[]string{"admins: 1 → 1 (add 2; remove 1)"}, []string{`{"pull_all":{"admins_ids":[1]}}`, `{"push_all":{"admins_ids":[2]}}`}},
		"pins": {ops(t), Change{Add: Lists{Pinned: []string{other}}, Remove: Lists{Pinned: []string{pin}}},
			[]string{"pinned messages: 1 → 1 (add " + other + "; remove " + pin + ")"}, []string{`{"pull_all":{"pinned_messages_ids":["` + pin + `"]}}`, `{"push_all":{"pinned_messages_ids":["` + other + `"]}}`}},
		"all at once": {ops(t), Change{Mutes: []Mute{{3, true}, {2, false}}, Texts: map[string]*string{"name": ptr("x")}, Add: Lists{Occupants: []int64{4}}},
			[]string{"user 3: not muted → muted", "user 2: muted → not muted", `name: "Ops" → "x"`, "occupants: 3 → 4 (add 4)"},
			[]string{`{"name":"x","push_all":{"occupants_ids":[4]}}`, `{"user_id":3,"is_muted":true}`, `{"user_id":2,"is_muted":false}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := c.change.Check(); err != nil {
				t.Error(err)
			}
			var effects, requests []string
			for _, e := range c.change.Effects(c.row) {
				effects = append(effects, e.String())
			}
			if !slices.Equal(effects, c.effects) {
				t.Errorf("effects\n%q, want\n%q", effects, c.effects)
			}
			got, err := c.change.Requests(c.row)
			for _, r := range got {
				requests = append(requests, string(r.Body))
			}
			if err != nil || !slices.Equal(requests, c.requests) {
				t.Errorf("requests\n%q, %v, want\n%q", requests, err, c.requests)
			}
		})
	}
}

// What no dialog can take is refused.
func TestCheck(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]Change{
		"at most 3 extensions, not 4":             {Extensions: map[string]string{"a": "", "b": "", "c": "", "d": ""}},
		"either reset or set":                     {Extensions: map[string]string{"a": ""}, ResetExtensions: true},
		"user 5 is to be muted and unmuted":       {Mutes: []Mute{{5, true}, {5, false}}},
		"user 5 is to be added to the occupants":  {Add: Lists{Occupants: []int64{5}}, Remove: Lists{Occupants: []int64{4, 5}}},
		"user 5 is to be added to the admins":     {Add: Lists{Admins: []int64{5}}, Remove: Lists{Admins: []int64{5}}},
		"message x is to be pinned and unpinned":  {Add: Lists{Pinned: []string{"x"}}, Remove: Lists{Pinned: []string{"x"}}},
		"at most 5 admins, and 6 are to be added": {Add: Lists{Admins: []int64{1, 2, 3, 4, 5, 6}}},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// What this dialog cannot take is refused, too; it is what it would be
// afterwards that counts.
func TestCheckOn(t *testing.T) {
	t.Parallel()
	full := rowOf(t, chatapi.Dialog{Type: 2}, `"admins_ids":[1,2,3,4,5],"extensions":{"a":"1","b":"2","c":"3"}`)
	for name, c := range map[string]struct {
		change Change
		want   string
	}{
		"a sixth admin":        {Change{Add: Lists{Admins: []int64{6}}}, "it would have 6 admins (1, 2, 3, 4, 5, 6), and 5 is the most"},
		"one for another":      {Change{Add: Lists{Admins: []int64{6}}, Remove: Lists{Admins: []int64{2}}}, ""},
		"one who is":           {Change{Add: Lists{Admins: []int64{5}}}, ""},
		"a fourth extension":   {Change{Extensions: map[string]string{"d": "4"}}, `it would have 4 extensions (a="1", b="2", c="3", d="4"), and 3 is the most`},
		"another value":        {Change{Extensions: map[string]string{"c": "4"}}, ""},
		"extensions of bodies": {Change{Extensions: map[string]string{"d": "4"}, Body: []byte("{}")}, ""},
	} {
		err := c.change.CheckOn(full)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// What the API is only known to decline elsewhere is told, and left to it.
func TestWarnings(t *testing.T) {
	t.Parallel()
	pair := rowOf(t, chatapi.Dialog{Type: 3, OccupantsIDs: []int64{1, 2}}, `"extensions":{"a":"1"}`)
	for name, c := range map[string]struct {
		row    Row
		change Change
		want   []string
	}{
		"members of a private dialog":    {pair, Change{Add: Lists{Occupants: []int64{3}}}, []string{"This dialog is private: the API is known to change occupants of group and public dialogs only"}},
		"members of a broadcast":         {rowOf(t, chatapi.Dialog{Type: 1}, ``), Change{Remove: Lists{Occupants: []int64{3}}}, []string{"This dialog is broadcast: "}},
		"members of a group":             {ops(t), Change{Add: Lists{Occupants: []int64{3}}}, nil},
		"members of a public dialog":     {rowOf(t, chatapi.Dialog{Type: 4}, ``), Change{Add: Lists{Occupants: []int64{3}}}, nil},
		"admins of a private dialog":     {pair, Change{Add: Lists{Admins: []int64{1}}}, []string{"documents admins for group, public and broadcast"}},
		"name of a private dialog":       {pair, Change{Texts: map[string]*string{"name": ptr("x")}}, []string{"may ignore them"}},
		"description of a private one":   {pair, Change{Texts: map[string]*string{"description": ptr("x")}}, nil},
		"mute of a stranger":             {ops(t), Change{Mutes: []Mute{{9, true}, {1, true}}}, []string{"To be muted, though not a member of this dialog: 9."}},
		"mute of a member to be":         {ops(t), Change{Mutes: []Mute{{9, true}}, Add: Lists{Occupants: []int64{9}}}, nil},
		"unmute of a stranger":           {ops(t), Change{Mutes: []Mute{{9, false}}}, nil},
		"mute where nobody is listed":    {rowOf(t, chatapi.Dialog{Type: 4}, ``), Change{Mutes: []Mute{{9, true}}}, nil},
		"extensions that a body is of":   {pair, Change{Extensions: map[string]string{"b": "1"}, Body: []byte("{}")}, []string{"does not name stay or go: a."}},
		"all extensions in a body":       {pair, Change{Extensions: map[string]string{"a": "2"}, Body: []byte("{}")}, nil},
		"extensions not given in a body": {pair, Change{Body: []byte("{}")}, nil},
	} {
		got := c.change.Warnings(c.row)
		if len(got) != len(c.want) || len(got) > 0 && !strings.Contains(got[0], c.want[0]) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A reply that does not show the change is noticed.
func TestLacking(t *testing.T) {
	t.Parallel()
	change := Change{Mutes: []Mute{{3, true}}, Texts: map[string]*string{"name": ptr("x")}, Extensions: map[string]string{"shop": "9", "new": "1"}, Add: Lists{Admins: []int64{1}}}
	if got := change.Lacking(ops(t)); !slices.Equal(got, []string{"user 3", "name", "extensions"}) {
		t.Errorf("lacking %q", got)
	}
	silent := rowOf(t, chatapi.Dialog{Type: 2}, ``) // no silent_ids, no telling
	if got := (Change{Mutes: []Mute{{3, true}}}).Lacking(silent); got != nil {
		t.Errorf("lacking %q", got)
	}
	public := rowOf(t, chatapi.Dialog{Type: 4}, ``)
	if got := (Change{Add: Lists{Occupants: []int64{3}}}).Lacking(public); got != nil {
		t.Errorf("lacking %q", got)
	}
}
