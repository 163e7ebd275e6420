package chatapi_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// net/http repeats what it cannot read of a reply. Errors of ours do not.
func TestMalformedReplies(t *testing.T) {
	for name, reply := range map[string]string{
		"no HTTP":           "%s",
		"status line":       "HTTP/1.1 %s OK\r\n\r\n",
		"version":           "HTTP/%s 200 OK\r\n\r\n",
		"header line":       "HTTP/1.1 200 OK\r\n%s\r\n\r\n",
		"header name":       "HTTP/1.1 200 OK\r\n %s: x\r\n\r\n",
		"length":            "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"two lengths":       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: %s\r\n\r\n",
		"transfer encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
		"chunk":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n",
		"location":          "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://[%s\r\n\r\n",
		"content encoding":  "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 40\r\n\r\n%.40s",
	} {
		said := fmt.Sprintf(reply, strings.Repeat(canary+rightKey, 9))
		u := sayOnce(t, said)
		client := chatapi.New(chatapi.Config{URL: u, Key: chatapi.KeyValue(chatapi.NewSecret(rightKey)), Timeout: time.Minute})
		_, err := client.UpdateDialog(t.Context(), chatapi.ObjectIDAt(time.Now()), mute())
		client.Close()
		if codeOf(err) != "network" || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), rightKey) {
			t.Errorf("%s: got %s: %v", name, codeOf(err), err)
		}
	}
}

// sayOnce is the URL of a server that answers one request with these bytes.
func sayOnce(t *testing.T, bytes string) *url.URL {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	wg.Go(func() {
		defer listener.Close()
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			t.Error(err)
		}
		_, _ = conn.Write([]byte(bytes))
	})
	return &url.URL{Scheme: "http", Host: listener.Addr().String()}
}
