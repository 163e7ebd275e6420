package chatapi_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// countedSource is a KeySource that counts how often it is asked.
type countedSource struct {
	chatapi.KeySource
	asked atomic.Int32
}

func (s *countedSource) Key() (chatapi.Secret, error) {
	s.asked.Add(1)
	return s.KeySource.Key()
}

// keyRig is a rig whose key is in a file.
func keyRig(t *testing.T, quirks chatapitest.Quirks) (r *rig, write func(key string), source *countedSource) {
	file := filepath.Join(t.TempDir(), "key")
	write = func(key string) {
		if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(rightKey)
	source = &countedSource{KeySource: chatapi.KeyFile(file)}
	r = newRig(t, chatapitest.Config{Dialogs: 3, Quirks: quirks}, func(c *chatapi.Config) { c.Key = source })
	return r, write, source
}

// A rotated key is picked up by the request that it is first refused to.
func TestKeyRotation(t *testing.T) {
	for _, status := range []int{401, 403} {
		synctest.Test(t, func(t *testing.T) {
			r, write, source := keyRig(t, chatapitest.Quirks{BadKeyStatus: status, EchoKey: true})
			if source.asked.Load() != 0 {
				t.Error("the key is read before it is needed")
			}
			for range 3 {
				if _, err := r.client.CountDialogs(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if n := source.asked.Load(); n != 1 {
				t.Errorf("the key was read %d times, want once", n)
			}
			write("n3w-key-1")
			r.server.SetKey("n3w-key-1")
			*r.seen = recorder{}
			if n, err := r.client.CountDialogs(t.Context()); err != nil || n != 3 {
				t.Errorf("got %d, %v", n, err)
			}
			code := map[int]string{401: "dialogs 401", 403: "dialogs 403"}[status]
			if !slices.Equal(r.seen.requests, []string{code, "dialogs 200"}) || !slices.Equal(r.seen.retries, []string{code}) || !slices.Equal(r.seen.calls, []string{"dialogs ok"}) {
				t.Errorf("observed %s", r.seen)
			}
			id := dialogIDOf(r)
			write("n3w-key-2")
			r.server.SetKey("n3w-key-2")
			if _, err := r.client.UpdateDialog(t.Context(), id, mute()); err != nil {
				t.Errorf("an update after a rotation: %v", err)
			}
			r.private()
			if strings.Contains(r.log.String(), "n3w-key") {
				t.Errorf("a key is logged: %s", r.log)
			}
		})
	}
}

// A key that stays refused is tried once, and again with the next call.
func TestWrongKey(t *testing.T) {
	for name, prepare := range map[string]func(write func(string)){
		"unchanged":         func(func(string)) {},
		"changed, wrong":    func(write func(string)) { write("still-wrong") },
		"changed to an old": func(write func(string)) { write(rightKey + "-old") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, write, source := keyRig(t, chatapitest.Quirks{EchoKey: true})
				if _, err := r.client.CountDialogs(t.Context()); err != nil {
					t.Fatal(err)
				}
				r.server.SetKey("another")
				prepare(write)
				*r.seen = recorder{}
				_, err := r.client.CountDialogs(t.Context())
				e := asError(err)
				if e == nil || !e.Refused() || e.Retryable || !strings.Contains(err.Error(), "--api.key-file") {
					t.Fatalf("got %v", err)
				}
				want := 1
				if name != "unchanged" {
					want = 2
				}
				if !slices.Equal(r.seen.requests, times(want, "dialogs 401")) || !slices.Equal(r.seen.calls, []string{"dialogs 401"}) || source.asked.Load() != 2 {
					t.Errorf("observed %s, the key read %d times", r.seen, source.asked.Load())
				}
				r.private(err.Error())
				if !strings.Contains(e.Message, "<secret>") || strings.Contains(e.Message, "wrong") || strings.Contains(e.Message, rightKey) {
					t.Errorf("the vendor's message shows a key: %s", e.Message)
				}
			})
		})
	}
}

// Of many requests that are refused at once, each is repeated with the new key.
func TestKeyRotationUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, write, _ := keyRig(t, chatapitest.Quirks{})
		if _, err := r.client.CountDialogs(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.server.Inject(chatapitest.Fault{Kind: chatapitest.Delay, Count: 4})
		write("rotated")
		r.server.SetKey("rotated")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := r.client.CountDialogs(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

// Without its file the exporter goes on with the key it has; a refusal then
// says what became of the file.
func TestKeyFileVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, source := keyRig(t, chatapitest.Quirks{})
		if _, err := r.client.CountDialogs(t.Context()); err != nil {
			t.Fatal(err)
		}
		file := string(source.KeySource.(chatapi.KeyFile))
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := r.client.RereadKey(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want that the file is gone", err)
		}
		if _, err := r.client.CountDialogs(t.Context()); err != nil {
			t.Errorf("the old key is gone too: %v", err)
		}
		r.server.SetKey("another")
		if _, err := r.client.CountDialogs(t.Context()); codeOf(err) != "401" || !strings.Contains(err.Error(), file) {
			t.Errorf("got %v, want 401 and the file's name", err)
		}
		r.server.SetKey(rightKey)
		if _, err := r.client.CountDialogs(t.Context()); err != nil {
			t.Errorf("the old key is gone too: %v", err)
		}
	})
}

// Without a key nothing is sent, and the error says which setting to look at.
func TestNoKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "key")
		r := newRig(t, chatapitest.Config{Dialogs: 3}, func(c *chatapi.Config) { c.Key = chatapi.KeyFile(file) })
		_, err := r.client.CountDialogs(t.Context())
		if codeOf(err) != "key" || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "--api.key-file") || !strings.Contains(err.Error(), file) {
			t.Errorf("got %v", err)
		}
		if len(r.server.Requests()) != 0 || len(r.seen.requests) != 0 || !slices.Equal(r.seen.calls, []string{"dialogs key"}) {
			t.Errorf("observed %s", r.seen)
		}
		if err := os.WriteFile(file, []byte(rightKey), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := r.client.CountDialogs(t.Context()); err != nil {
			t.Errorf("with the file in place: %v", err)
		}
	})
}

// A key file that is no file would give the key once, or block.
func TestKeyFileMustBeAFile(t *testing.T) {
	if _, err := chatapi.KeyFile(t.TempDir()).Key(); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory as key file: %v", err)
	}
}
