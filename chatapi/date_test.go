package chatapi_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// The client's clock is the server's, and what keeps it from being read is
// logged when it begins and when it ends, not with every reply.
func TestServerClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		skew := 42 * time.Minute
		r := newRig(t, chatapitest.Config{Dialogs: 3, Quirks: chatapitest.Quirks{Skew: skew}})
		ask := func(quirks chatapitest.Quirks) {
			t.Helper()
			quirks.Skew = skew
			r.server.SetQuirks(quirks)
			for range 5 {
				time.Sleep(10 * time.Second)
				if _, err := r.client.CountDialogs(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if now, known := r.client.Now(); known || !now.Equal(time.Now()) {
			t.Errorf("before any reply it is %v, known %v", now, known)
		}
		ask(chatapitest.Quirks{})
		now, known := r.client.Now()
		if off := time.Until(now) - skew; !known || off.Abs() > 500*time.Millisecond {
			t.Errorf("the clock is %v off, known %v", off, known)
		}
		if got, known := r.client.Skew(); !known || (got-skew).Abs() > 500*time.Millisecond {
			t.Errorf("skew %v, known %v", got, known)
		}
		if r.log.Len() != 0 {
			t.Errorf("unasked for: %s", r.log)
		}
		for _, bad := range []chatapitest.Quirks{{NoDate: true}, {DateText: canary}, {DateText: "Thu, 01 Jan 1970 00:00:00 GMT"}} {
			r.log.Reset()
			ask(bad)
			if n := strings.Count(r.log.String(), "level=warn"); n != 1 || strings.Count(r.log.String(), "\n") != 1 {
				t.Errorf("%+v: %d warnings: %s", bad, n, r.log)
			}
			if _, known := r.client.Now(); !known {
				t.Errorf("%+v: the estimate is gone at once", bad)
			}
			r.private()
		}
		r.log.Reset()
		ask(chatapitest.Quirks{})
		if !strings.Contains(r.log.String(), "can be read again") || strings.Count(r.log.String(), "\n") != 1 {
			t.Errorf("the end of it is not logged once: %s", r.log)
		}
		ask(chatapitest.Quirks{NoDate: true})
		time.Sleep(24 * time.Hour)
		if now, known := r.client.Now(); known || !now.Equal(time.Now()) {
			t.Errorf("a day without Date, it is %v, known %v; want this machine's", now, known)
		}
	})
}
