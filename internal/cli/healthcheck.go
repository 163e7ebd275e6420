package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	toolkit "github.com/prometheus/exporter-toolkit/web"
)

const healthTimeout = 5 * time.Second

func newHealthcheck(app *kingpin.Application) command {
	clause := app.Command("healthcheck", "Ask the exporter on this machine whether it is healthy, for containers without a shell. "+
		"Uses the --web flags of the exporter.")
	return command{clause, healthcheck}
}

// healthcheck needs the flags of the server and no others, since it inherits
// the environment of the exporter that it asks.
func healthcheck(ctx context.Context, s *session) error {
	cfg, err := webConfig(*s.web.WebConfigFile)
	if err != nil {
		return usagef("%s: %w", s.origin("web.config.file"), err)
	}
	address := (*s.web.WebListenAddresses)[0]
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "0" || strings.HasPrefix(address, vsockScheme) {
		return s.wrong("web.listen-address", errors.New("must name the host and port that the exporter listens on"))
	}
	loopback := "127.0.0.1"
	if strings.Contains(host, ":") {
		loopback = "::1"
	}
	root, err := rootURL(cfg, address, loopback)
	if err != nil {
		return err
	}
	verdict, err := askHealth(ctx, cfg, root+"/-/healthy")
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	fmt.Fprintln(s.stdout, verdict)
	return nil
}

// askHealth proves that the exporter answers. It cannot know a password, of
// which the web configuration holds but the hash, nor always a client
// certificate; that these are asked for is proof enough.
func askHealth(ctx context.Context, cfg *toolkit.Config, url string) (verdict string, err error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{DisableKeepAlives: true} // no proxy: the exporter is near
	if cfg.TLSConfig.IsEnabled() {
		transport.TLSClientConfig = clientTLS(cfg)
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		var refused *net.OpError
		if cfg.TLSConfig.ClientAuth != "" && errors.As(err, &refused) && refused.Op == "remote error" {
			return "healthy: " + url + " wants a client certificate", nil
		}
		return "", err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return "healthy: " + url, nil
	case http.StatusUnauthorized:
		return "healthy: " + url + " wants a password", nil
	case http.StatusTooManyRequests:
		return "healthy: " + url + " is limiting requests", nil
	default:
		return "", fmt.Errorf("%s answers %s", url, resp.Status)
	}
}

// clientTLS shows the server its own certificate, which is the one client
// certificate at hand.
func clientTLS(cfg *toolkit.Config) *tls.Config {
	out := &tls.Config{
		// The certificate names the host for others; over the loopback
		// interface nobody stands between.
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS12,
	}
	if server, err := toolkit.ConfigToTLSConfig(&cfg.TLSConfig); err == nil {
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return server.GetCertificate(nil)
		}
	}
	return out
}
