package chatapi

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/go-faster/jx"
)

// RawDialog is a dialog with its row as the API sent it, byte for byte: an
// object with all fields and the application's own parameters. JSON may share
// memory with the other rows of its page.
type RawDialog struct {
	Dialog
	JSON []byte
}

// RawMessage is a message with its row as the API sent it, as RawDialog.
type RawMessage struct {
	Message
	JSON []byte
}

// RawDialogs asks Dialogs List for one page, as [Client.Dialogs].
func (c *Client) RawDialogs(ctx context.Context, q Query) (Page[RawDialog], error) {
	return list(ctx, c, Dialogs, dialogsPath, q, decodeRawDialog, nil)
}

// RawMessages asks Messages List for one page, as [Client.Messages].
func (c *Client) RawMessages(ctx context.Context, q Query) (Page[RawMessage], error) {
	return list(ctx, c, Messages, messagesPath, q, decodeRawMessage, nil)
}

// SweepRawDialogs starts a sweep over the dialogs that match, as
// [Client.SweepDialogs].
func (c *Client) SweepRawDialogs(q Query, left []Span) *Sweep[RawDialog] {
	return newSweep(q, left, func(ctx context.Context, q Query, spent func(int64) bool) (Page[RawDialog], error) {
		return list(ctx, c, Dialogs, dialogsPath, q, decodeRawDialog, spent)
	}, func(r *RawDialog) ObjectID { return r.ID })
}

// SweepRawMessages starts a sweep over the messages that match, as
// [Client.SweepDialogs].
func (c *Client) SweepRawMessages(q Query, left []Span) *Sweep[RawMessage] {
	return newSweep(q, left, func(ctx context.Context, q Query, spent func(int64) bool) (Page[RawMessage], error) {
		return list(ctx, c, Messages, messagesPath, q, decodeRawMessage, spent)
	}, func(r *RawMessage) ObjectID { return r.ID })
}

func decodeRawDialog(d *decoder, out *RawDialog) (err error) {
	out.JSON, err = decodeRaw(d, &out.Dialog, decodeDialog)
	return err
}

func decodeRawMessage(d *decoder, out *RawMessage) (err error) {
	out.JSON, err = decodeRaw(d, &out.Message, decodeMessage)
	return err
}

// decodeRaw passes over a row, which finds its end, and then reads of it what is
// checked. The bytes are part of the reply, which nobody uses again.
func decodeRaw[T any](d *decoder, out *T, decodeRow func(*decoder, *T) error) ([]byte, error) {
	raw, err := d.Raw()
	if err != nil {
		return nil, err
	}
	if d.row == nil {
		d.row = &decoder{Decoder: jx.DecodeBytes(raw)}
	} else {
		d.row.ResetBytes(raw)
	}
	return raw, decodeRow(d.row, out)
}

// Line gives a row that fits in a line: what the API sent, unless that has line
// breaks between its tokens, which then go, as all space between them does.
func Line(row []byte) []byte {
	if bytes.IndexByte(row, '\n') < 0 && bytes.IndexByte(row, '\r') < 0 {
		return row
	}
	var b bytes.Buffer
	if json.Compact(&b, row) != nil {
		return row // was decoded before, so this cannot be
	}
	return b.Bytes()
}
