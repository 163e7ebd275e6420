package chatapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unique"
)

const (
	secretMask     = "<secret>"
	maxKeyFileSize = 4 << 10
)

// Secret holds an administration API key. Whatever prints, logs or marshals
// it shows a mask; only Reveal gives the key. Secrets are comparable. The key
// is behind a pointer because package fmt cannot call the methods of a Secret
// in an unexported field, and would print the bare string.
type Secret struct{ handle unique.Handle[string] }

// NewSecret wraps a key. Surrounding white space is not part of it.
func NewSecret(key string) Secret {
	if key = strings.TrimSpace(key); key == "" {
		return Secret{}
	}
	return Secret{unique.Make(key)}
}

// Reveal returns the key itself, for the one header that carries it.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.handle.Value()
}

// IsZero tells whether no key is held.
func (s Secret) IsZero() bool { return s == Secret{} }

// String, GoString, Format, MarshalText and MarshalJSON all give the mask.
func (s Secret) String() string { return secretMask }

// GoString masks the key under %#v.
func (s Secret) GoString() string { return secretMask }

// Format masks the key under every verb, %x and %q included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secretMask) }

// MarshalText masks the key in text encodings, YAML among them.
func (s Secret) MarshalText() ([]byte, error) { return []byte(secretMask), nil }

// MarshalJSON masks the key in JSON.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + secretMask + `"`), nil }

func (s Secret) valid() error {
	if s.IsZero() {
		return errors.New("the key is empty")
	}
	for _, c := range []byte(s.Reveal()) {
		if c <= ' ' || c > '~' {
			return errors.New("the key holds white space or characters outside ASCII")
		}
	}
	return nil
}

// KeySource gives the key of one application. It is asked again when the API
// answers 401 or 403, so that a rotated key is picked up without a restart.
type KeySource interface {
	Key() (Secret, error)
}

// KeyValue is a key that never changes, such as one from the environment.
type KeyValue Secret

// Key returns the value, or an error when it cannot be sent in a header.
func (k KeyValue) Key() (Secret, error) { return Secret(k), Secret(k).valid() }

// String masks the key.
func (k KeyValue) String() string { return secretMask }

// GoString masks the key under %#v.
func (k KeyValue) GoString() string { return secretMask }

// Format masks the key under every verb.
func (k KeyValue) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secretMask) }

// KeyFile names a file that holds the key and nothing else.
type KeyFile string

// Key reads the file. Errors name the file and never its content.
func (k KeyFile) Key() (Secret, error) {
	// A pipe would give the key once, and block who asks again.
	if info, err := os.Stat(string(k)); err == nil && !info.Mode().IsRegular() {
		return Secret{}, fmt.Errorf("key file %s: not a regular file", string(k))
	}
	f, err := os.Open(string(k))
	if err != nil {
		return Secret{}, fmt.Errorf("reading the key file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFileSize+1))
	if err != nil {
		return Secret{}, fmt.Errorf("reading the key file: %w", err)
	}
	if len(data) > maxKeyFileSize {
		return Secret{}, fmt.Errorf("key file %s: larger than %d bytes, so not a key", string(k), maxKeyFileSize)
	}
	key := NewSecret(string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	if err := key.valid(); err != nil {
		return Secret{}, fmt.Errorf("key file %s: %w", string(k), err)
	}
	return key, nil
}
