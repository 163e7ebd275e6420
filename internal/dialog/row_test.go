package dialog

import (
	"strings"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// rowOf is a dialog with the given fields; those that the client reads are in
// both forms.
func rowOf(t *testing.T, known chatapi.Dialog, fields string) Row {
	t.Helper()
	known.ID, _ = chatapi.ParseObjectID("620e2b1463ee2a1977b4ee65")
	row, err := ReadRow(chatapi.RawDialog{Dialog: known, JSON: []byte("{" + fields + "}")})
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func shown(t *testing.T, r Row) map[string]string {
	t.Helper()
	var b strings.Builder
	if err := r.Show(&b, time.Unix(1645095709+3600, 0)); err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		label, value, found := strings.Cut(line, "  ")
		if !found {
			t.Errorf("a line without a value: %q", line)
		}
		lines[label] = strings.TrimSpace(value)
	}
	return lines
}

// A dialog is shown in words; what was said last is not.
func TestShow(t *testing.T) {
	t.Parallel()
	got := shown(t, rowOf(t, chatapi.Dialog{
		Type: 2, CreatedAt: 1645095700, UpdatedAt: 1645095709, LastMessageDateSent: 1645095709,
		OccupantsIDs: []int64{9, 7, 8}, SilentIDs: []int64{8, 7, 8}, DeletedIDs: []int64{9}, IsE2EE: true,
	}, `"user_id":7,"name":"Ops \u001b[31m","description":"line\nbreak","photo":77,"admins_ids":[7,8],"is_e2ee":true,
		"pinned_messages_ids":["620e2b14e45f5b089d000008"],"extensions":{"shop":"9","open":"a \u202eb"},"permissions":{"allow_preview":true},
		"last_message":"secret words","last_message_id":"x","last_message_user_id":5,"xmpp_room_jid":"1_2@muc","own\u001b]0;":{"a":[1]},"empty":null`))
	for label, want := range map[string]string{
		"Dialog": "620e2b1463ee2a1977b4ee65", "Type": "group", "Name": `"Ops "`, "Description": `"line break"`, "Photo": `"77"`, "Owner": "7",
		"Created": "2022-02-17T11:01:40Z (1 h 00 min ago)", "Updated": "2022-02-17T11:01:49Z (1 h 00 min ago)", "Last message": "2022-02-17T11:01:49Z (1 h 00 min ago)",
		"Encrypted": "yes, end to end", "Members": "3: 7, 8, 9", "Admins": "2: 7, 8", "Muted by": "2 of 3 members: 7, 8", "Deleted by": "1: 9",
		"Pinned": "1: 620e2b14e45f5b089d000008", "Extensions": `open="a b", shop="9"`, "Permissions": "allow_preview=true",
		"xmpp_room_jid": "1_2@muc", "own]0;": `{"a":[1]}`,
	} {
		if got[label] != want {
			t.Errorf("%s: %q, want %q", label, got[label], want)
		}
	}
	for label, value := range got {
		if label == "empty" || strings.Contains(value, "secret words") {
			t.Errorf("shows %s: %s", label, value)
		}
	}
}

// What is null, or not there, is told as such.
func TestShowOfABareDialog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		row  Row
		want map[string]string
	}{
		"bare": {rowOf(t, chatapi.Dialog{Type: 3}, ``), map[string]string{
			"Type": "private", "Name": "none", "Owner": "not told", "Last message": "none ever", "Encrypted": "not told", "Members": "none",
			"Admins": "none", "Muted by": "none", "Deleted by": "none", "Pinned": "none", "Extensions": "none", "Permissions": "none",
		}},
		"null": {rowOf(t, chatapi.Dialog{Type: 1}, `"name":null,"admins_ids":null,"pinned_messages_ids":null,"extensions":null,"permissions":null,"is_e2ee":false`), map[string]string{
			"Type": "broadcast", "Name": "none", "Members": "not listed by the API", "Encrypted": "no", "Admins": "none", "Extensions": "none",
		}},
		"public": {rowOf(t, chatapi.Dialog{Type: 4, SilentIDs: []int64{5}}, `"occupants_count":12345`), map[string]string{
			"Type": "public", "Members": "12\u202f345, which the API does not list", "Muted by": "1: 5",
		}},
		"unheard of": {rowOf(t, chatapi.Dialog{Type: 5}, ``), map[string]string{"Type": "other, code 5"}},
	} {
		got := shown(t, c.row)
		for label, want := range c.want {
			if got[label] != want {
				t.Errorf("%s: %s: %q, want %q", name, label, got[label], want)
			}
		}
	}
}

// A field of another kind than documented is named, without its value.
func TestRowsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]string{
		`"admins_ids":"secret"`:        "field admins_ids",
		`"pinned_messages_ids":[1]`:    "field pinned_messages_ids",
		`"extensions":["secret"]`:      "field extensions",
		`"permissions":"secret"`:       "field permissions",
		`"user_id":"secret"`:           "field user_id",
		`"occupants_count":"secret"`:   "field occupants_count",
		`"name":"secret","admins_ids"`: "broken JSON",
	} {
		_, err := ReadRow(chatapi.RawDialog{JSON: []byte("{" + fields + "}")})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", fields, err, want)
		}
	}
}

// Long lists are cut where they are shown.
func TestList(t *testing.T) {
	t.Parallel()
	ids := make([]int64, 150)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	if got := List(ids); !strings.HasSuffix(got, ", 99, 100 and 50 more") || !strings.HasPrefix(got, "1, 2, ") {
		t.Errorf("a long list: %q", got)
	}
	if got := List(ids[:3]); got != "1, 2, 3" {
		t.Errorf("a short list: %q", got)
	}
}
