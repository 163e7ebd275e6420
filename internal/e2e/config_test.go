package e2e

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi/chatapitest"
)

const (
	reloadGood = "connectycube_exporter_config_last_reload_successful"
	reloadTime = "connectycube_exporter_config_last_reload_success_timestamp_seconds"
)

func TestABadFileOnReload(t *testing.T) {
	t.Parallel()
	_, url := sandbox(t, "k")
	dir := t.TempDir()
	write(t, dir, "key", "k")
	good := "defaults: {rate_limit: 0}\napps:\n- {name: shop, url: '" + url + "', api_key_file: key}\n"
	file := write(t, dir, "apps.yml", good)
	p := serve(t, "--config.file="+file, "--poll.interval=1s", "--web.enable-lifecycle")
	eventually(t, "up", func() bool { return p.metric(`connectycube_up{application="shop"}`) == "1" })
	loaded := p.metric(reloadTime)
	if got := p.metric(reloadGood); got != "1" {
		t.Errorf("the first load was successful: %q", got)
	}

	write(t, dir, "apps.yml", "apps:\n- name: shop\n  colour: red\n")
	p.signal(syscall.SIGHUP)
	eventually(t, "a reload that fails", func() bool { return p.metric(reloadGood) == "0" })
	if got := p.metric(reloadTime); got != loaded {
		t.Errorf("the time of success went from %s to %s", loaded, got)
	}
	if log := p.logged(); !strings.Contains(log, "line 3: unknown key colour") {
		t.Error("the log does not name the line")
	}
	if got := p.metric(`connectycube_up{application="shop"}`); got != "1" {
		t.Errorf("up is %q after the bad file", got)
	}
	code, body := p.ask(http.MethodPost, "/-/reload", nil)
	if code != http.StatusInternalServerError || !strings.Contains(body, "line 3: unknown key colour") {
		t.Errorf("POST /-/reload answers %d %q", code, body)
	}
	if code, _ := p.get("/-/reload"); code != http.StatusMethodNotAllowed {
		t.Errorf("GET /-/reload answers %d", code)
	}

	write(t, dir, "apps.yml", good)
	if code, body := p.ask(http.MethodPost, "/-/reload", nil); code != http.StatusOK {
		t.Errorf("POST /-/reload answers %d %q", code, body)
	}
	if p.metric(reloadGood) != "1" || p.metric(reloadTime) == loaded {
		t.Error("the good file was not taken for one")
	}
}

// Of five applications four are in trouble, each in its own way. That is no
// concern of the fifth, and neither is what a reload does to the others: its
// series go on, and so does its counter of requests.
func TestApplicationsAreIsolated(t *testing.T) {
	t.Parallel()
	_, shop := sandbox(t, "shop-key")
	_, other := sandbox(t, "other-key")
	silent, silentURL := sandbox(t, "other-key")
	silent.Inject(chatapitest.Fault{Kind: chatapitest.Hang})
	dir := t.TempDir()
	write(t, dir, "shop", "shop-key")
	write(t, dir, "other", "other-key")
	write(t, dir, "wrong", "wrong-key")
	head := "defaults: {rate_limit: 0}\napps:\n"
	well := "- {name: shop, url: '" + shop + "', api_key_file: shop}\n"
	bad := "- {name: refused, url: '" + other + "', api_key_file: wrong}\n" +
		"- {name: dead, url: 'http://127.0.0.1:1', api_key_file: other}\n" +
		"- {name: keyless, url: '" + other + "', api_key_file: missing}\n" +
		"- {name: silent, url: '" + silentURL + "', api_key_file: other, timeout: 1s}\n"
	file := write(t, dir, "apps.yml", head+bad+well)
	p := serve(t, "--config.file="+file, "--poll.interval=1s", "--web.enable-lifecycle")

	const series = `connectycube_messages{application="shop"}`
	eventually(t, "messages of the shop", func() bool { return p.metric(series) == "400" })
	eventually(t, "the troubles of the others", func() bool {
		_, page := p.get("/")
		return strings.Contains(page, "401") && strings.Contains(page, "connection refused") && strings.Contains(page, "no usable key") &&
			strings.Contains(page, "no complete answer in time")
	})
	_, metrics := p.get("/metrics")
	for name, up := range map[string]string{"shop": "1", "refused": "0", "dead": "0", "keyless": "0", "silent": "0"} {
		if got := value(metrics, `connectycube_up{application="`+name+`"}`); got != up {
			t.Errorf("up of %s is %q, want %s", name, got, up)
		}
	}

	const requests = `connectycube_api_requests_total{application="shop",code="200",endpoint="messages"}`
	before := p.metric(requests)
	for _, apps := range []string{
		well + "- {name: second, url: '" + other + "', api_key_file: other}\n",
		"- {name: second, url: '" + other + "', api_key_file: other, timeout: 3s}\n" + well,
		well,
	} {
		write(t, dir, "apps.yml", head+apps)
		p.signal(syscall.SIGHUP)
		wanted := strings.Count(apps, "name:")
		eventually(t, "the applications of the new file", func() bool {
			_, metrics := p.get("/metrics")
			if value(metrics, series) != "400" {
				t.Fatalf("the series of the shop has a gap:\n%s", p.logged())
			}
			return strings.Count(metrics, "\nconnectycube_up{") == wanted
		})
		if wanted == 2 {
			eventually(t, "the second application", func() bool { return p.metric(`connectycube_messages{application="second"}`) == "400" })
		}
	}
	if after := p.metric(requests); len(after) < len(before) || len(after) == len(before) && after < before {
		t.Errorf("the requests of the shop fell from %s to %s", before, after)
	}
	log := p.logged()
	for _, once := range []string{`application=shop msg="application added"`, `application=shop msg="full scan of the dialogs ended"`} {
		if strings.Count(log, once) != 1 {
			t.Errorf("not once in the log: %s", once)
		}
	}
	if strings.Count(log, "application=shop") != 2 {
		t.Error("the shop was stopped and started again, or logged more than its start and its scan")
	}
}
