package collector

import (
	"net/http"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// Target is one application to watch, as the configuration describes it.
// Targets are comparable: a reload leaves those that did not change alone.
type Target struct {
	Name        string         // value of the label application; unique
	URL         string         // base URL, already checked by chatapi.ParseURL
	KeyFile     string         // file holding the key; wins over Key
	Key         chatapi.Secret // used when KeyFile is empty
	Timeout     time.Duration  // of one API request
	RateLimit   float64        // API requests per second; 0 lifts it
	Concurrency int            // API requests in flight

	// Transport replaces the network, for the demo and for tests; nil: the network.
	Transport http.RoundTripper
}

func (t Target) keySource() chatapi.KeySource {
	if t.KeyFile != "" {
		return chatapi.KeyFile(t.KeyFile)
	}
	return chatapi.KeyValue(t.Key)
}

// Settings are the same for all targets.
type Settings struct {
	PollInterval time.Duration // base cadence, at least 1s
	Windows      []Window
	Collectors   []string // names of the enabled collectors, from Names; nil: all
	UserAgent    string   // sent with every API request; empty: the name of this program

	ScanInterval     time.Duration // between two looks for changed dialogs; 0: DefaultScanInterval
	FullScanInterval time.Duration // from the end of a full scan to the next; 0: DefaultFullScanInterval
}

// The intervals of the dialog scan, unless the settings say otherwise.
const (
	DefaultScanInterval     = 5 * time.Minute
	DefaultFullScanInterval = 6 * time.Hour
)

// Window is a span of time that ends now, and the label it was written with.
type Window struct {
	Label  string // as the user spelled it, such as "1d"
	Length time.Duration
}
