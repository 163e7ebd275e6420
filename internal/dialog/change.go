package dialog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits of Dialog Update (vendor's page, Dialog metadata and Add / Remove admins).
const (
	maxAdmins     = 5
	maxExtensions = 3
)

// Change is what Dialog Update is to do.
type Change struct {
	Mutes           []Mute
	Texts           map[string]*string // name, photo, description; nil: null
	Extensions      map[string]string  // these keys; others stay as they are
	ResetExtensions bool
	AllowPreview    *bool
	Add, Remove     Lists
	Body            []byte // sent as it is; the other fields tell what it says
}

// Mute says whether a user is to mute the dialog, or to end that.
type Mute struct {
	User int64
	On   bool
}

// Lists of a dialog.
type Lists struct {
	Occupants, Admins []int64
	Pinned            []string
}

func (l Lists) empty() bool { return len(l.Occupants)+len(l.Admins)+len(l.Pinned) == 0 }

// Check tells what no dialog can take. It is for any change, whatever the dialog
// is like; CheckOn is for one dialog.
func (c Change) Check() error {
	if len(c.Extensions) > maxExtensions {
		return fmt.Errorf("a dialog has at most %d extensions, not %d", maxExtensions, len(c.Extensions))
	}
	if c.ResetExtensions && len(c.Extensions) > 0 {
		return errors.New("extensions are either reset or set, not both at once")
	}
	for _, m := range c.Mutes {
		if slices.Contains(c.Mutes, Mute{m.User, !m.On}) {
			return fmt.Errorf("user %d is to be muted and unmuted", m.User)
		}
	}
	if both := common(c.Add.Occupants, c.Remove.Occupants); len(both) > 0 {
		return fmt.Errorf("user %d is to be added to the occupants and removed from them", both[0])
	}
	if both := common(c.Add.Admins, c.Remove.Admins); len(both) > 0 {
		return fmt.Errorf("user %d is to be added to the admins and removed from them", both[0])
	}
	if both := common(c.Add.Pinned, c.Remove.Pinned); len(both) > 0 {
		return fmt.Errorf("message %s is to be pinned and unpinned", both[0])
	}
	if n := len(union(nil, c.Add.Admins)); n > maxAdmins {
		return fmt.Errorf("a dialog has at most %d admins, and %d are to be added", maxAdmins, n)
	}
	return nil
}

func common[T comparable](a, b []T) []T {
	return slices.DeleteFunc(slices.Clone(a), func(id T) bool { return !slices.Contains(b, id) })
}

// CheckOn tells what this dialog cannot take, being as it is.
func (c Change) CheckOn(r Row) error {
	admins := union(less(r.Admins, c.Remove.Admins), c.Add.Admins)
	if len(admins) > maxAdmins && len(less(c.Add.Admins, r.Admins)) > 0 {
		return fmt.Errorf("it would have %d admins (%s), and %d is the most; remove some first", len(admins), List(admins), maxAdmins)
	}
	if after := c.extensionsOn(r); len(after) > maxExtensions && len(after) > len(r.Extensions) {
		return fmt.Errorf("it would have %d extensions (%s), and %d is the most; reset them first", len(after), eachPair(after, nil), maxExtensions)
	}
	return nil
}

// Warnings tell what the API is known to decline or to ignore elsewhere, but is
// not known to for administrators.
func (c Change) Warnings(r Row) (texts []string) {
	kind := r.TypeName()
	if len(c.Add.Occupants)+len(c.Remove.Occupants) > 0 && r.Type != group && r.Type != public {
		texts = append(texts, fmt.Sprintf("This dialog is %s: the API is known to change occupants of group and public dialogs only, and to answer 403 for others.", kind))
	}
	if len(c.Add.Admins)+len(c.Remove.Admins) > 0 && r.Type == private {
		texts = append(texts, "This dialog is private: the vendor documents admins for group, public and broadcast dialogs only.")
	}
	_, name := c.Texts["name"]
	_, photo := c.Texts["photo"]
	if (name || photo) && r.Type == private {
		texts = append(texts, "This dialog is private: the vendor documents that private dialogs are made without name and photo, so the API may ignore them.")
	}
	members := slices.Concat(r.OccupantsIDs, c.Add.Occupants)
	var strangers []int64
	for _, m := range c.Mutes {
		if m.On && r.Listed() && !slices.Contains(members, m.User) {
			strangers = append(strangers, m.User)
		}
	}
	if len(strangers) > 0 {
		texts = append(texts, "To be muted, though not a member of this dialog: "+List(strangers)+".")
	}
	if others := c.unnamed(r); len(others) > 0 {
		texts = append(texts, "The vendor does not say whether extensions that the body does not name stay or go: "+strings.Join(others, ", ")+".")
	}
	return texts
}
