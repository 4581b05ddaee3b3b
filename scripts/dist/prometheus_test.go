package dist

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// metrics are calls of `NAME metrics` in a house, and samples that are among what
// they print. The first of each plugin is also read by node_exporter.
var metrics = []struct {
	call    string
	samples []string
}{
	{"connections --port 443", []string{"sockcensus_connections 5"}},
	{"connections --port 80,443,8443 --by state", []string{`sockcensus_connections_by_state{state="close-wait"} 1`, `sockcensus_connections_by_state{state="established"} 8`}},
	{"connections --port 443 --by peer --top 3", []string{`sockcensus_connections_by_peer{peer="127.0.0.3"} 2`, "sockcensus_connections_other 1"}},
	{"connections --port 443 --by network", []string{`sockcensus_connections_by_network{network="127.0.0.0/24"} 4`}},
	{"connections --port 443 --by user", []string{`sockcensus_connections_by_user{user="root"} 5`}},
	{"connections --port 443 --by process", nil},
	{"connections --port 443 --by cgroup", nil},
	{"connections --port 443,80 --by port", []string{`sockcensus_connections_by_port{port="443"} 5`}},
	{"connections --protocol udp,unix --by protocol", []string{`sockcensus_connections_by_protocol{protocol="udp"} 0`}},
	{"clients --port 443 --min-age 100ms", []string{"sockcensus_clients_clients 4", "sockcensus_clients_connections 5", "sockcensus_clients_undecided 0"}},
	{"clients --port 443 --min-age 0 --by network", []string{"sockcensus_clients_clients 2"}},
	{"listeners --baseline BASELINE", []string{"sockcensus_listeners_missing 1", "sockcensus_listeners_unexpected 3", "sockcensus_listeners_drops_total 0"}},
	{"listeners --port 443 --state-dir STATE", []string{"sockcensus_listeners_listening 1"}},
	{"conntrack --by state --dport 443", []string{"sockcensus_conntrack_flows 6", `sockcensus_conntrack_by_state{state="established"} 6`}},
	{"conntrack", []string{"sockcensus_conntrack_used 409", "sockcensus_conntrack_insert_failed_total 0"}},
	{"conntrack --by dport --top 2", []string{"sockcensus_conntrack_flows 409", `sockcensus_conntrack_by_dport{dport="9000"} 400`, "sockcensus_conntrack_other 3"}},
	{"conntrack --by status", nil},
	{"conntrack --by src --top 2", nil},
	{"conntrack --sample 100ms", []string{"sockcensus_conntrack_new 0"}},
	{"opens COUNTERS --port 443", []string{"sockcensus_opens_opens 6", "sockcensus_opens_peers 4", `sockcensus_opens_by_peer{peer="127.0.0.3"} 2`}},
	{"opens COUNTERS --port 80,443 --peer 127.0.0.0/8 --top 1", []string{"sockcensus_opens_opens 6", "sockcensus_opens_lost 0"}},
}

// metricsOf prints the metrics of a call.
func (h *house) metricsOf(call string) testhost.Result {
	h.t.Helper()
	words := strings.Fields(h.place(call))
	return h.run(filepath.Join(h.usr, "bin/sockcensus-"+words[0]), slices.Insert(words[1:], 0, "metrics")...)
}

// promtool finds nothing to say about the metrics of any plugin.
func TestMetrics(t *testing.T) {
	h, promtool := newHouse(t), testhost.Need(t, "promtool")
	for _, m := range metrics {
		name := strings.Fields(m.call)[0]
		if !slices.Contains(testhost.Plugins(t), name) {
			continue
		}
		got := h.metricsOf(m.call)
		// What was counted since may be less than the period that opens was asked for.
		if got.Code != 0 || got.Stderr != "" && !strings.HasPrefix(got.Stderr, "opens: counted in ") {
			t.Errorf("%s: %s", m.call, got)
		}
		h.holdsSamples(m.call, got.Stdout, append(m.samples, "sockcensus_"+name+"_success 1"))
		judged := testhost.Run(t, testhost.Command{Path: promtool, Args: []string{"check", "metrics"}, Stdin: got.Stdout})
		if judged.Code != 0 || judged.Stdout+judged.Stderr != "" {
			t.Errorf("promtool check metrics on %s: %s\n%s", m.call, judged, got.Stdout)
		}
	}
}

func (h *house) holdsSamples(what, text string, samples []string) {
	h.t.Helper()
	lines := strings.Split(text, "\n")
	for _, sample := range samples {
		if !slices.Contains(lines, sample) {
			h.t.Errorf("%s has no %s:\n%s", what, sample, text)
		}
	}
}

// The real node_exporter reads the metrics of all plugins from its textfile
// directory, and hands each sample on, with help and type.
func TestTextfileCollector(t *testing.T) {
	h, dir := newHouse(t), testhost.Dir(t)
	exporter := testhost.Need(t, "prometheus-node-exporter")
	var want []string
	for _, m := range metrics {
		file := filepath.Join(dir, strings.Fields(m.call)[0]+".prom")
		if _, err := os.Stat(file); err == nil || !slices.Contains(testhost.Plugins(t), strings.Fields(m.call)[0]) {
			continue
		}
		text := h.metricsOf(m.call).Stdout
		h.write(file, text)
		for line := range strings.Lines(text) {
			want = append(want, strings.TrimSpace(line)) // help and type, too
		}
	}
	testhost.Background(t, testhost.Command{Path: exporter, Netns: h.ns, Args: []string{
		"--collector.disable-defaults", "--collector.textfile", "--collector.textfile.directory=" + dir, "--web.listen-address=127.0.0.1:9100",
	}})
	text := h.get("127.0.0.1:9100")
	h.holdsSamples("node_exporter", text, append(want, "node_textfile_scrape_error 0"))
}

// get asks a server in the house for its metrics, once it answers.
func (h *house) get(address string) string {
	h.t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return h.ns.Dial(ctx, "tcp4", address)
		},
	}}
	var err error
	for range 100 {
		var response *http.Response
		if response, err = client.Get("http://" + address + "/metrics"); err == nil {
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != http.StatusOK {
				h.t.Fatalf("%s: %v %s", response.Status, err, text)
			}
			return string(text)
		}
		time.Sleep(100 * time.Millisecond)
	}
	h.t.Fatalf("no answer: %v", err)
	return ""
}
