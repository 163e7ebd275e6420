package collector_test

import (
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
	"github.com/connectycube-exporter/connectycube_exporter/collector"
)

// BenchmarkScrape gathers and encodes what 1, 10 and 100 applications expose.
func BenchmarkScrape(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("applications=%d", n), func(b *testing.B) {
			windows, err := collector.ParseWindows("15m,1h,6h,1d,7d,30d")
			if err != nil {
				b.Fatal(err)
			}
			api := chatapitest.New(chatapitest.Config{Seed: 1, Dialogs: 100, Messages: 1000})
			fleet := collector.NewFleet(collector.Settings{PollInterval: time.Hour, Windows: windows}, nopLogger{})
			defer fleet.Close()
			var targets []collector.Target
			for i := range n {
				targets = append(targets, unlimited(target(fmt.Sprint("app", i), api)))
			}
			if err := fleet.Apply(targets); err != nil {
				b.Fatal(err)
			}
			for !complete(fleet) {
				time.Sleep(10 * time.Millisecond)
			}
			reg := prometheus.NewRegistry()
			reg.MustRegister(fleet)
			runtime.GC()
			b.ReportAllocs()
			for b.Loop() {
				families, err := reg.Gather()
				if err != nil {
					b.Fatal(err)
				}
				for _, f := range families {
					if _, err := expfmt.MetricFamilyToText(io.Discard, f); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// complete tells whether every part of every application has been refreshed.
func complete(fleet *collector.Fleet) bool {
	for _, s := range fleet.Status() {
		if !s.Messages.Known || len(s.Dialogs) == 0 || len(s.Windows) != 6 {
			return false
		}
	}
	return true
}
