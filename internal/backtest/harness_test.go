package backtest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"go.uber.org/goleak"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
	"github.com/connectycube-exporter/connectycube_exporter/collector/activity"
	"github.com/connectycube-exporter/connectycube_exporter/internal/backtest"
)

const (
	bin  = int64(activity.BinSeconds)
	hour = int64(3600)
	day  = 24 * hour
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ago is a time of so many days before now.
func ago(days int64) func(time.Time) int64 {
	return func(now time.Time) int64 { return now.Unix() - days*day }
}

// config looks back at the two weeks before now.
func config(api *chatapitest.Server) backtest.Config {
	return backtest.Config{
		Target: collector.Target{
			Name: "shop", URL: "https://sandbox.invalid", Key: chatapi.NewSecret(api.Key()),
			Timeout: 10 * time.Second, Concurrency: 4, Transport: api.Transport(),
		},
		From: ago(14), To: ago(0), Logger: log.NewNopLogger(),
	}
}

// looked is a run that was finished.
type looked struct {
	*backtest.Result
	notes    []string
	estimate backtest.Estimate
	requests int64
	known    collector.AppHistory
	saveable bool
}

func look(ctx context.Context, cfg backtest.Config) (out looked, err error) {
	b, err := backtest.Prepare(ctx, cfg)
	if err != nil {
		return out, err
	}
	defer b.Close()
	out.notes, out.estimate = b.Notes(), b.Estimate()
	out.Result, err = b.Run(ctx)
	out.requests = b.Progress().Requests
	out.known, out.saveable = b.Known()
	return out, err
}

func mustLook(t *testing.T, cfg backtest.Config) looked {
	t.Helper()
	out, err := look(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// exact is all that happened, by five minutes, up to now.
func exact(traffic chatapitest.Traffic, weeks int) *activity.History {
	now := time.Now().Unix()
	from := activity.Ceil(now-int64(weeks)*7*day, hour)
	to := activity.Floor(now, bin)
	counts := make([]int64, (to-from)/bin)
	traffic.Each(from*1000, to*1000, func(m chatapitest.TrafficMessage) { counts[(m.At/1000-from)/bin]++ })
	h := activity.NewHistory()
	for i, n := range counts {
		h.SetBin(from+int64(i)*bin, n)
	}
	return h
}

// atNight runs a test in a bubble whose clock stands at 2000-01-03, 03:47 UTC.
func atNight(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(51*time.Hour + 47*time.Minute)
		test(t)
	})
}
