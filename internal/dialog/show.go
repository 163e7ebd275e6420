package dialog

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/internal/human"
)

const maxListed = 100 // ids of a list; all of them are in the row's JSON

// told are the fields that Show has words for, and those that it leaves out:
// what was said last is private, and the rest is of a user that there is not.
func told(name string) bool {
	switch name {
	case "_id", "type", "name", "description", "photo", "user_id", "created_at", "updated_at", "is_e2ee",
		"occupants_ids", "occupants_count", "admins_ids", "silent_ids", "deleted_ids", "pinned_messages_ids",
		"extensions", "permissions",
		"last_message", "last_message_date_sent", "last_message_id", "last_message_user_id", "last_message_status",
		"is_muted", "unread_messages_count":
		return true
	}
	return false
}

// Show writes the dialog for people.
func (r Row) Show(w io.Writer, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(label, value string) { fmt.Fprintf(t, "%s\t%s\n", label, value) }
	line("Dialog", r.ID.String())
	line("Type", r.TypeName())
	line("Name", textOr(r.Name, "none"))
	line("Description", textOr(r.Description, "none"))
	line("Photo", textOr(r.Photo, "none"))
	line("Owner", ownerText(r.Owner))
	line("Created", moment(now, r.CreatedAt))
	line("Updated", moment(now, r.UpdatedAt))
	if r.LastMessageDateSent > 0 {
		line("Last message", moment(now, r.LastMessageDateSent))
	} else {
		line("Last message", "none ever")
	}
	line("Encrypted", r.encrypted())
	line("Members", r.members())
	line("Admins", ids(r.Admins))
	line("Muted by", r.muted())
	line("Deleted by", ids(sortedSet(r.DeletedIDs)))
	line("Pinned", pins(r.Pinned))
	line("Extensions", pairs(r.Extensions))
	line("Permissions", pairs(r.Permissions))
	for _, name := range slices.Sorted(maps.Keys(r.fields)) {
		if value := r.fields[name]; !told(name) && !isNull(value) {
			line(Text(name), Text(plain(value)))
		}
	}
	return t.Flush()
}

func textOr(s *string, none string) string {
	if s == nil {
		return none
	}
	return quoted(*s)
}

func ownerText(id int64) string {
	if id == 0 {
		return "not told"
	}
	return strconv.FormatInt(id, 10)
}

func moment(now time.Time, unix int64) string {
	at := time.Unix(unix, 0).UTC()
	return at.Format(time.RFC3339) + " (" + human.Ago(now, at) + ")"
}

func (r Row) encrypted() string {
	switch value, ok := r.fields["is_e2ee"]; {
	case !ok || isNull(value):
		return "not told"
	case r.IsE2EE:
		return "yes, end to end"
	}
	return "no"
}

func (r Row) members() string {
	switch {
	case r.Listed():
		return ids(sortedSet(r.OccupantsIDs))
	case r.Count != nil:
		return human.Count(*r.Count) + ", which the API does not list"
	}
	return "not listed by the API"
}

func (r Row) muted() string {
	muters := r.Muters()
	if len(muters) == 0 || !r.Listed() {
		return ids(muters)
	}
	return fmt.Sprintf("%d of %s: %s", len(muters), Count(len(sortedSet(r.OccupantsIDs)), "member"), List(muters))
}

// Count writes how many things there are.
func Count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return human.Count(int64(n)) + " " + thing
}

// ids are a list of users: how many, and who.
func ids(list []int64) string {
	if len(list) == 0 {
		return "none"
	}
	return human.Count(int64(len(list))) + ": " + List(list)
}

// List writes ids one after the other, at most maxListed of them.
func List(list []int64) string {
	texts := make([]string, 0, maxListed)
	for _, id := range list[:min(len(list), maxListed)] {
		texts = append(texts, strconv.FormatInt(id, 10))
	}
	text := strings.Join(texts, ", ")
	if more := len(list) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %s more", human.Count(int64(more)))
	}
	return text
}

func pins(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	texts := make([]string, len(list))
	for i, id := range list {
		texts[i] = Text(id)
	}
	return human.Count(int64(len(list))) + ": " + strings.Join(texts, ", ")
}

func pairs(object map[string]json.RawMessage) string {
	if len(object) == 0 {
		return "none"
	}
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value := quoted(plain(object[key]))
		if raw := strings.TrimSpace(string(object[key])); raw == "true" || raw == "false" || raw == "null" {
			value = raw
		}
		texts = append(texts, Text(key)+"="+value)
	}
	return strings.Join(texts, ", ")
}

// Summary tells in a few words which dialog it is.
func (r Row) Summary() string {
	parts := []string{r.TypeName()}
	if r.Name != nil {
		parts = append(parts, quoted(*r.Name))
	}
	switch {
	case r.Listed():
		parts = append(parts, Count(len(sortedSet(r.OccupantsIDs)), "member"))
	case r.Count != nil:
		parts = append(parts, human.Count(*r.Count)+" members, not listed")
	}
	return strings.Join(append(parts, Count(len(r.Admins), "admin"), "muted by "+Count(len(r.Muters()), "user")), ", ")
}
