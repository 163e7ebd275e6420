package cli

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/mdlayher/vsock"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
)

const vsockScheme = "vsock://"

// listen opens what exporter-toolkit's flags ask for. The toolkit would do so
// itself, but not tell the ports, and serve several of them with one
// http.Server that each then changes.
func listen(cfg *toolkit.FlagConfig) (_ []net.Listener, err error) {
	if *cfg.WebSystemdSocket {
		listeners, err := activation.Listeners()
		listeners = slices.DeleteFunc(listeners, func(l net.Listener) bool { return l == nil }) // not stream sockets
		if err == nil && len(listeners) == 0 {
			err = errors.New("none was passed; is the program started by a systemd .socket unit?")
		}
		if err != nil {
			return nil, fmt.Errorf("--web.systemd-socket: taking over the sockets: %w", err)
		}
		return listeners, nil
	}
	var listeners []net.Listener
	for _, address := range *cfg.WebListenAddresses {
		l, err := listenOn(address)
		if err != nil {
			closeAll(listeners)
			return nil, fmt.Errorf("cannot serve: %w (--web.listen-address chooses another address)", err)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

func listenOn(address string) (net.Listener, error) {
	if !strings.HasPrefix(address, vsockScheme) {
		return net.Listen("tcp", address)
	}
	port, err := vsockPort(address)
	if err != nil {
		return nil, err
	}
	return vsock.Listen(port, nil)
}

func vsockPort(address string) (uint32, error) {
	u, err := url.Parse(address)
	if err == nil {
		var port uint64
		if port, err = strconv.ParseUint(u.Port(), 10, 32); err == nil {
			return uint32(port), nil
		}
	}
	return 0, errors.New("must look like vsock://:10425")
}

// webConfig reads what clients of the server need to know of
// --web.config.file.
func webConfig(path string) (*toolkit.Config, error) {
	cfg := &toolkit.Config{}
	if path == "" {
		return cfg, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(data, cfg); err != nil {
		return nil, err
	}
	cfg.TLSConfig.SetDirectory(filepath.Dir(path))
	return cfg, nil
}

// rootURL is the address of the server's pages, as seen from this machine.
// Where the server listens on all addresses, host stands for them.
func rootURL(cfg *toolkit.Config, address, host string) (string, error) {
	h, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if !everywhere(h) {
		host = h
	}
	scheme := "http"
	if cfg.TLSConfig.IsEnabled() {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port), nil
}

// everywhere tells whether a server on host listens on all addresses.
func everywhere(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}
