package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"
)

// certificate makes one that is its own authority, for a host that is not
// this machine.
func certificate(t *testing.T) (certPEM, keyPEM string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "exporter.example"}, DNSNames: []string{"exporter.example"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", keyDER)
}

func TestTLSAndBasicAuth(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t, "k")
	dir := t.TempDir()
	certPEM, keyPEM := certificate(t)
	otherPEM, _ := certificate(t)
	write(t, dir, "cert.pem", certPEM)
	write(t, dir, "key.pem", keyPEM)
	write(t, dir, "other.pem", otherPEM)
	key := write(t, dir, "key", "k")
	const server = "tls_server_config: {cert_file: cert.pem, key_file: key.pem"
	// The hash is bcrypt's of swordfish, at the least cost.
	const users = "\nbasic_auth_users: {scraper: '$2a$04$WvR6WJ/w/TFCVJ/HjOrnHunJD7NI4EGM2W4vXSrDpRddxzlmqmM4W'}\n"
	pair, err := tls.X509KeyPair([]byte(certPEM), []byte(keyPEM))
	if err != nil {
		t.Fatal(err)
	}

	for name, c := range map[string]struct {
		config  string
		tls     bool
		auth    bool
		mine    bool   // the client shows the server's certificate
		healthy string // what the healthcheck says beside the address
	}{
		"TLS":                          {server + "}", true, false, false, "healthy: https://127.0.0.1:"},
		"basic auth":                   {users, false, true, false, "wants a password"},
		"TLS and basic auth":           {server + "}" + users, true, true, false, "wants a password"},
		"client certificate":           {server + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: cert.pem}", true, false, true, "healthy: https://127.0.0.1:"},
		"client certificate of others": {server + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: other.pem}", true, false, false, "wants a client certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := write(t, dir, strings.ReplaceAll(name, " ", "-")+".yml", c.config)
			p := serve(t, "--api.url="+url, "--api.key-file="+key, "--web.config.file="+config)
			address := strings.TrimPrefix(p.root, "http://")
			if c.tls {
				p.root = "https://" + address
				pool := x509.NewCertPool()
				pool.AppendCertsFromPEM([]byte(certPEM))
				client := &tls.Config{RootCAs: pool, ServerName: "exporter.example"}
				if c.mine {
					client.Certificates = []tls.Certificate{pair}
				}
				p.client.Transport = &http.Transport{DisableKeepAlives: true, TLSClientConfig: client}
			}
			if !strings.Contains(c.healthy, "client certificate") {
				if code, _ := p.get("/metrics"); code != map[bool]int{false: http.StatusOK, true: http.StatusUnauthorized}[c.auth] {
					t.Errorf("/metrics answers %d to one without a password", code)
				}
				code, body := p.ask(http.MethodGet, "/metrics", func(r *http.Request) { r.SetBasicAuth("scraper", "swordfish") })
				if code != http.StatusOK || !strings.Contains(body, "connectycube_up{") {
					t.Errorf("/metrics answers %d", code)
				}
			}
			code, stdout, stderr := runProgram(t, nil, "healthcheck", "--web.listen-address="+address, "--web.config.file="+config)
			if code != 0 || !strings.Contains(stdout, c.healthy) || stderr != "" {
				t.Errorf("healthcheck: code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}
