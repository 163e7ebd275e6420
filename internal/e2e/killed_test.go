//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

// TestKilledAtRandomMoments kills the program fifty times while it scans and
// writes its state, and while dialogs and messages are created and muted. Each
// time the state is whole; in the end all mutes are right, and the counters
// have counted everything once.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	api, url := sandbox(t, "k")
	api.SetQuirks(chatapitest.Quirks{MuteMovesUpdatedAt: true})
	for range 3000 {
		api.CreateDialog(chatapitest.DialogSpec{Type: 2, CreatedAt: time.Now().Add(-rand.N(1000 * time.Hour))})
	}
	file, settings := stateSettings(t, t.TempDir(), url, "k")
	settings = append(settings, "--scan.interval=1s", "--scan.full-interval=1s")
	counter := func(metrics, what string) float64 {
		n, err := strconv.ParseFloat(value(metrics, fmt.Sprintf(`connectycube_%s_created_total{application="shop"}`, what)), 64)
		if err != nil {
			return -1
		}
		return n
	}
	first := serve(t, settings...)
	eventually(t, "the counters, and a state that holds them", func() bool {
		_, metrics := first.get("/metrics")
		return counter(metrics, "dialogs") == 0 && counter(metrics, "messages") == 0 && value(metrics, stateGood) == "1"
	})
	if code := first.stop(); code != 0 {
		t.Fatal("exit code", code)
	}

	stop, wrote, made := make(chan struct{}), 0, 0
	var traffic sync.WaitGroup
	traffic.Go(func() {
		rows := api.Truth().Dialogs
		for i := int64(0); ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			id := rows[rand.IntN(len(rows))].ID
			switch i % 4 {
			case 0:
				api.CreateMessage(chatapitest.MessageSpec{DialogID: id})
				wrote++
			case 1:
				api.CreateDialog(chatapitest.DialogSpec{Type: 3, Silent: []int64{i}})
				made++
			case 2:
				api.Mute(id, 5000+i%50)
			default:
				for u := range int64(50) {
					api.Unmute(id, 5000+u)
				}
			}
		}
	})
	seen := map[string]float64{}
	for range 50 {
		p := serve(t, settings...)
		time.Sleep(rand.N(700 * time.Millisecond))
		if strings.Contains(p.logged(), "anew") {
			t.Fatalf("the state was lost: %s", p.logged())
		}
		_, metrics := p.get("/metrics")
		for _, what := range []string{"dialogs", "messages"} {
			if n := counter(metrics, what); n < seen[what] {
				t.Errorf("%s_created_total fell from %v to %v", what, seen[what], n)
			} else {
				seen[what] = n
			}
		}
		time.Sleep(rand.N(100 * time.Millisecond))
		p.kill()
		readState(t, file)
	}
	close(stop)
	traffic.Wait()
	last := serve(t, settings...)
	time.Sleep(62 * time.Second) // until the last window is closed
	eventually(t, fmt.Sprintf("%d dialogs and %d messages counted", made, wrote), func() bool {
		_, metrics := last.get("/metrics")
		return counter(metrics, "dialogs") >= float64(made) && counter(metrics, "messages") >= float64(wrote)
	})
	_, metrics := last.get("/metrics")
	if d, m := counter(metrics, "dialogs"), counter(metrics, "messages"); d != float64(made) || m != float64(wrote) {
		t.Errorf("counted %v of %d dialogs, %v of %d messages", d, made, m, wrote)
	}
	rows := api.Truth()
	if got, want := value(metrics, mutingShop), strconv.Itoa(rows.MutingUsers()); got != want {
		t.Errorf("%s muting users, the rows say %s", got, want)
	}
	if got, want := value(metrics, `connectycube_muted_dialogs{application="shop",dialog_type="group"}`), strconv.Itoa(rows.MutedDialogs()[2]); got != want {
		t.Errorf("%s muted groups, the rows say %s", got, want)
	}
}
