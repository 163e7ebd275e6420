package chatapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/go-faster/jx"
)

// DialogChange is what Dialog Update can change (vendor's page, and Update a
// Dialog of the user-level API). Fields left zero are not sent.
type DialogChange struct {
	UserID  *int64 `json:"user_id,omitempty"`  // whose mute IsMuted sets
	IsMuted *bool  `json:"is_muted,omitempty"` // with UserID: mute or unmute

	Name        *string `json:"name,omitempty"`
	Photo       *string `json:"photo,omitempty"` // id, uid or URL
	Description *string `json:"description,omitempty"`

	Extensions  json.RawMessage `json:"extensions,omitempty"` // object of at most 3 keys; null resets
	Permissions *Permissions    `json:"permissions,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"` // legacy custom data

	PushAll *DialogLists `json:"push_all,omitempty"` // add to these lists
	PullAll *DialogLists `json:"pull_all,omitempty"` // remove from them
}

// Permissions of a dialog.
type Permissions struct {
	AllowPreview *bool `json:"allow_preview,omitempty"`
}

// DialogLists are the lists of a dialog that can be added to and removed from.
// Occupants change in group and public dialogs only; admins are at most five.
type DialogLists struct {
	OccupantsIDs      []int64  `json:"occupants_ids,omitempty"`
	AdminsIDs         []int64  `json:"admins_ids,omitempty"`
	PinnedMessagesIDs []string `json:"pinned_messages_ids,omitempty"`
}

// UpdateDialog changes one dialog and returns it as it is afterwards. The
// request is repeated only when it surely did not reach the API.
func (c *Client) UpdateDialog(ctx context.Context, id ObjectID, change DialogChange) (Dialog, error) {
	body, err := json.Marshal(change)
	if err != nil {
		return Dialog{}, fmt.Errorf("encoding the change of dialog %s: %w", id, err)
	}
	dialog, err := c.UpdateDialogRaw(ctx, id, body)
	return dialog.Dialog, err
}

// UpdateDialogRaw is UpdateDialog with a body that is sent as it is, and a
// reply as the API sent it.
func (c *Client) UpdateDialogRaw(ctx context.Context, id ObjectID, body []byte) (RawDialog, error) {
	var dialog RawDialog
	err := c.call(ctx, request{
		endpoint: DialogUpdate,
		method:   http.MethodPut,
		path:     dialogPath + id.String(),
		body:     body,
		decode: func(body []byte) error {
			d := &decoder{Decoder: jx.DecodeBytes(body)}
			if d.Next() != jx.Object {
				return &decodeError{Row: -1, Want: "the reply is not a JSON object"}
			}
			if err := decodeDialog(d, &dialog.Dialog); err != nil {
				return asDecodeError(err, -1)
			}
			if dialog.ID != id {
				return &decodeError{Field: "_id", Row: -1, Want: "is not that of the dialog that was to change"}
			}
			dialog.JSON = bytes.TrimSpace(body)
			return d.end()
		},
	})
	if err != nil {
		return RawDialog{}, err
	}
	return dialog, nil
}

// UpdateHeader is what an update is sent with, beside what net/http adds; the
// key is masked.
func (c *Client) UpdateHeader() http.Header {
	h := http.Header{}
	h.Set(keyHeader, secretMask)
	h.Set("Content-Type", "application/json")
	h.Set("Accept", "application/json")
	h.Set("User-Agent", c.cfg.UserAgent)
	return h
}

// UpdateURL is where an update of the dialog is sent.
func (c *Client) UpdateURL(id ObjectID) string {
	u := *c.cfg.URL
	u.Path += dialogPath + id.String()
	return u.String()
}

// Unsettled tells whether a request that failed so may have done its work all
// the same: it was sent, and no answer tells that it was declined.
func (e *Error) Unsettled() bool {
	switch e.Kind {
	case KindKey, KindThrottled:
		return false
	case KindStatus:
		return e.Status >= 500
	}
	return !e.notSent
}
