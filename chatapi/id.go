package chatapi

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// ObjectID is the _id of a dialog or message: 24 hexadecimal digits, of which
// the first eight are a unix time. For dialogs that is the second of creation;
// for messages it is the sender's clock, which may be wrong (api-facts 5).
type ObjectID [12]byte

// ParseObjectID reads 24 hexadecimal digits. The error does not repeat s.
func ParseObjectID(s string) (ObjectID, error) {
	id, ok := parseObjectID([]byte(s))
	if !ok {
		return ObjectID{}, errors.New("not an id of 24 hexadecimal digits")
	}
	return id, nil
}

func parseObjectID(b []byte) (id ObjectID, ok bool) {
	if len(b) != 2*len(id) {
		return ObjectID{}, false
	}
	_, err := hex.Decode(id[:], b)
	return id, err == nil
}

// ObjectIDAt is the smallest id whose time is t, to cut the key space by time.
func ObjectIDAt(t time.Time) (id ObjectID) {
	binary.BigEndian.PutUint32(id[:4], uint32(t.Unix()))
	return id
}

// Time is the unix time in the first four bytes.
func (id ObjectID) Time() time.Time {
	return time.Unix(int64(binary.BigEndian.Uint32(id[:4])), 0).UTC()
}

// Compare orders ids as the API's _id filter and sort do.
func (id ObjectID) Compare(other ObjectID) int { return bytes.Compare(id[:], other[:]) }

// IsZero tells whether there is no id.
func (id ObjectID) IsZero() bool { return id == ObjectID{} }

// String gives the 24 hexadecimal digits.
func (id ObjectID) String() string { return hex.EncodeToString(id[:]) }

// AppendText writes the 24 hexadecimal digits, as [encoding.TextAppender].
func (id ObjectID) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, id[:]), nil }

// MarshalText writes the 24 hexadecimal digits, as [encoding.TextMarshaler].
func (id ObjectID) MarshalText() ([]byte, error) { return id.AppendText(nil) }

// UnmarshalText reads 24 hexadecimal digits. The error does not repeat them.
func (id *ObjectID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseObjectID(string(b))
	return err
}
