package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/internal/logging"
)

// apiDrainTimeout is short: the sandbox answers at once, and the exporter has
// drained its own requests before.
const apiDrainTimeout = 2 * time.Second

// parseAPIAddress wants the port as a number: what a name such as http means
// depends on the machine, and only the listener would find a wrong one.
func parseAPIAddress(s string) (string, error) {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", errors.New("must look like :10426 or 127.0.0.1:10426, with a port up to 65535")
	}
	return s, nil
}

// listenAPI opens the address on which the sandbox API is served; nil: it is
// not.
func (d *demo) listenAPI() (net.Listener, error) {
	if d.apiAddress == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", d.apiAddress)
	if err != nil {
		return nil, fmt.Errorf("cannot serve the sandbox API: %w (--demo.api-listen-address chooses another address)", err)
	}
	return l, nil
}

// serveAPI serves the sandbox until the function that it returns is called,
// which waits for the end.
func serveAPI(l net.Listener, sandbox http.Handler, logger log.Logger) (stop func()) {
	server := &http.Server{
		Handler:           sandbox,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logging.Slog(logger).Handler(), slog.LevelWarn),
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			level.Error(logger).Log("msg", "the sandbox API is not served any more", "err", err)
		}
	})
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), apiDrainTimeout)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
		serving.Wait()
	}
}

// welcomeAPI says where the sandbox API is served, and how to ask it.
func welcomeAPI(api net.Listener) (where, try string) {
	if api == nil {
		return "", ""
	}
	root, err := rootURL(&toolkit.Config{}, api.Addr().String(), "localhost") // always plain http
	if err != nil {
		return "", ""
	}
	return fmt.Sprintf("  Sandbox API   %s   with the key %s\n", root, chatapitest.DefaultKey),
		fmt.Sprintf("  6. Ask its API:              %s=%s %s check --api.url=%s\n", keyVariable, chatapitest.DefaultKey, Name, root)
}
