package chatapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-kit/log"
	"go.yaml.in/yaml/v3"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// Whatever prints a key, or something that holds one, shows a mask.
func TestSecretsAreMasked(t *testing.T) {
	secret := chatapi.NewSecret(rightKey)
	type hidden struct{ secret chatapi.Secret }
	type nested struct {
		Key    chatapi.Secret
		Source chatapi.KeySource
		List   []chatapi.Secret
		Map    map[string]chatapi.Secret
		Ptr    *chatapi.Secret
		inner  *hidden
	}
	config := chatapi.Config{Key: chatapi.KeyValue(secret), URL: &url.URL{Scheme: "https", Host: "api.test"}}
	client := chatapi.New(config)
	_ = client.RereadKey()
	for name, v := range map[string]any{
		"secret": secret, "pointer": &secret, "source": chatapi.KeyValue(secret), "unexported field": hidden{secret}, "pointer to it": &hidden{secret},
		"slice": []chatapi.Secret{secret}, "map": map[chatapi.Secret]chatapi.Secret{secret: secret},
		"nested": nested{secret, chatapi.KeyValue(secret), []chatapi.Secret{secret}, map[string]chatapi.Secret{"key": secret}, &secret, &hidden{secret}},
		"config": config, "pointer to config": &config, "client": client, "client value": *client,
		"error": fmt.Errorf("with %v and %w", secret, errors.New(fmt.Sprint(secret))),
	} {
		var shown []string
		for _, verb := range "vsqxXdtbcoOUeEfFgGpT" {
			for _, flag := range []string{"", "+", "#", " ", "-40", "0.3"} {
				shown = append(shown, fmt.Sprintf("%"+flag+string(verb), v))
			}
		}
		shown = append(shown, fmt.Sprint(v), fmt.Sprintln(v))
		if b, err := json.Marshal(v); err == nil {
			shown = append(shown, string(b))
		}
		if name != "client" && name != "client value" { // of functions and channels, which YAML does not have
			if b, err := yaml.Marshal(v); err == nil {
				shown = append(shown, string(b))
			}
		}
		var b bytes.Buffer
		_ = log.NewLogfmtLogger(&b).Log("v", v)
		_ = log.NewJSONLogger(&b).Log("v", v)
		shown = append(shown, b.String())
		for _, s := range shown {
			for _, form := range []string{rightKey, fmt.Sprintf("%x", rightKey), fmt.Sprintf("%X", rightKey), fmt.Sprintf("% x", rightKey), fmt.Sprint([]byte(rightKey))} {
				if strings.Contains(s, strings.Trim(form, "[]")) {
					t.Errorf("%s shows the key: %s", name, s)
				}
			}
		}
	}
	for _, s := range []string{secret.String(), fmt.Sprintf("%v %+v %#v %q %x", secret, secret, secret, secret, secret)} {
		if !strings.Contains(s, "<secret>") {
			t.Errorf("got %q, want the mask", s)
		}
	}
	if secret.Reveal() != rightKey {
		t.Error("Reveal does not give the key")
	}
}

func TestSecretsAreComparable(t *testing.T) {
	same := chatapi.NewSecret("\t" + rightKey + " \r\n")
	if same != chatapi.NewSecret(rightKey) || same == chatapi.NewSecret("other") || same.IsZero() {
		t.Error("secrets do not compare as their keys do, blanks apart")
	}
	for _, s := range []chatapi.Secret{{}, chatapi.NewSecret(""), chatapi.NewSecret(" \n")} {
		if s != (chatapi.Secret{}) || !s.IsZero() || s.Reveal() != "" {
			t.Errorf("an empty key is not the zero secret: %v", s)
		}
	}
}

func TestKeySources(t *testing.T) {
	dir := t.TempDir()
	tests := map[string]struct {
		content string
		says    string // "": the key is rightKey
	}{
		"plain":                {content: rightKey},
		"with a newline":       {content: rightKey + "\n"},
		"from Windows":         {content: "\xef\xbb\xbf" + rightKey + "\r\n"},
		"in blanks":            {content: "\n \t" + rightKey + " \n\n"},
		"empty":                {content: "", says: "empty"},
		"blank":                {content: " \r\n\t", says: "empty"},
		"only a BOM":           {content: "\xef\xbb\xbf", says: "empty"},
		"two lines":            {content: canary + "\n" + canary, says: "white space"},
		"a blank inside":       {content: canary + " " + canary, says: "white space"},
		"a NUL inside":         {content: canary + "\x00", says: "outside ASCII"},
		"a DEL":                {content: canary + "\x7f" + canary, says: "outside ASCII"},
		"letters beyond ASCII": {content: canary + "é", says: "outside ASCII"},
		"UTF-16":               {content: "\xff\xfez\x00a\x00", says: "outside ASCII"},
		"huge":                 {content: strings.Repeat(canary, 10000), says: "larger than 4096 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, "key")
			if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			sources := map[string]chatapi.KeySource{"file": chatapi.KeyFile(file)}
			if !strings.Contains(test.content, "\xef") && len(test.content) < 4096 { // which only files have
				sources["value"] = chatapi.KeyValue(chatapi.NewSecret(test.content))
			}
			for kind, source := range sources {
				key, err := source.Key()
				if test.says == "" {
					if err != nil || key.Reveal() != rightKey {
						t.Errorf("%s: got %q, %v", kind, key.Reveal(), err)
					}
					continue
				}
				if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), canary) {
					t.Errorf("%s: got error %v, want %q and not the content", kind, err, test.says)
				}
				if kind == "file" && !strings.Contains(err.Error(), file) {
					t.Errorf("error %q does not name the file", err)
				}
			}
		})
	}
	for _, missing := range []string{filepath.Join(dir, "none"), dir} {
		if _, err := chatapi.KeyFile(missing).Key(); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("got error %v, want one that names %s", err, missing)
		}
	}
}
