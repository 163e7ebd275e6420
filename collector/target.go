package collector

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
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
	TimeZone    string         // in which days and weeks repeat, such as Europe/Kyiv; empty: UTC
	Holidays    string         // days unlike others, as JoinHolidays gives them

	// Transport replaces the network, for the demo and for tests; nil: the network.
	Transport http.RoundTripper
}

func (t Target) keySource() chatapi.KeySource {
	if t.KeyFile != "" {
		return chatapi.KeyFile(t.KeyFile)
	}
	return chatapi.KeyValue(t.Key)
}

// ClientConfig is what a client of the target's API needs, but for its user
// agent, its logger and its observer.
func (t Target) ClientConfig() (chatapi.Config, error) {
	u, err := chatapi.ParseURL(t.URL)
	return chatapi.Config{
		URL: u, Key: t.keySource(), Timeout: t.Timeout, RateLimit: t.RateLimit, Concurrency: t.Concurrency, Transport: t.Transport,
	}, err
}

// JoinHolidays turns dates such as 2026-12-25 into a form that can be compared.
func JoinHolidays(dates []string) string {
	dates = slices.Clone(dates)
	slices.Sort(dates)
	return strings.Join(slices.Compact(dates), ",")
}

// Calendar is that of the target's time zone and holidays.
func (t Target) Calendar() (*activity.Calendar, error) {
	zone, err := time.LoadLocation(t.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("the time zone %q is not known", t.TimeZone)
	}
	var holidays []string
	if t.Holidays != "" {
		holidays = strings.Split(t.Holidays, ",")
	}
	return activity.NewCalendar(zone, holidays)
}

// Settings are the same for all targets.
type Settings struct {
	PollInterval time.Duration // base cadence, at least 1s
	Windows      []Window
	Collectors   []string // names of the enabled collectors, from Names; nil: all
	UserAgent    string   // sent with every API request; empty: the name of this program

	ScanInterval     time.Duration // between two looks for changed dialogs; 0: DefaultScanInterval
	FullScanInterval time.Duration // from the end of a full scan to the next; 0: DefaultFullScanInterval

	ActivityWeeks int // past weeks to compare with; 0: activity.DefaultWeeks
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
