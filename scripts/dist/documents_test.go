package dist

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A document is what a command prints by --format json and csv, in a house where
// people talk.
type document struct {
	command string // place fills in the house's files
	noun    string // of the rows; there is a schema of this name
	keys    string // of each row, in order; "" are those of the noun
	code    int
	ends    ending
}

// ending is what ends a command; zero is the command itself.
type ending int

const byInterrupt ending = 1 // ^C, after connections came

// Rows of one noun have the same keys, whatever was asked, but for groups, which
// have those that they are grouped by.
var nounKeys = map[string]string{
	"sockets":     "netid state recv_q send_q local_address local_port peer_address peer_port interface timer uid user inode cookie mark cgroup process",
	"clients":     "peer connections oldest_s undecided bytes_in bytes_out rtt_ms",
	"listeners":   "protocol local_address local_port reach queue queue_limit drops user process instances",
	"flows":       "family protocol state status src sport dst dport reply_src reply_sport reply_dst reply_dport zone mark timeout_s packets bytes reply_packets reply_bytes start duration_s labels event",
	"summary":     "protocol state total ipv4 ipv6",
	"changes":     "change line text",
	"differences": "change line expected listener reach user process since command",
	"counters":    "counter total cpus meaning",
	"events":      "created updated destroyed failed lost duration_s",
	"status":      "counting method reason place since peers peers_size services services_size namespaces namespaces_size memory_bytes opens_in opens_out passive_opens active_opens overflow lost",
}

// documents of every command. The last ones switch counting off.
var documents = []document{
	{command: "connections list --all", noun: "sockets"},
	{command: "connections list --all --processes --timers --protocol tcp,udp", noun: "sockets"},
	{command: "connections list --all --protocol unix --processes", noun: "sockets"},
	{command: "connections list --all --source proc", noun: "sockets"},
	{command: "connections list --listening --names --sort local_port", noun: "sockets"},
	{command: "connections count", noun: "groups", keys: "count"},
	{command: "connections count --by state --top 2", noun: "groups", keys: "count state"},
	{
		command: "connections count --state all --by state,port,peer-port,peer,network,process,user,family,protocol,cgroup", noun: "groups",
		keys: "count state port peer_port peer network process user family protocol cgroup",
	},
	{command: "connections summary", noun: "summary"},
	{command: "connections summary --source proc", noun: "summary"},

	{command: "clients list --port 443,8443 --min-age 100ms", noun: "clients"},
	{command: "clients list --port 443 --min-age 0 --by network", noun: "clients"},
	{command: "clients list --port 443 --no-wait", noun: "clients"},

	{command: "listeners list", noun: "listeners"},
	{command: "listeners list --processes --udp-ephemeral --protocol tcp,udp", noun: "listeners"},
	{command: "listeners list --source proc", noun: "listeners"},
	{command: "listeners baseline diff BASELINE", noun: "changes", code: 1},
	{command: "listeners baseline check BASELINE", noun: "differences", code: 1},
	{command: "listeners baseline write BASELINE-FORMAT", noun: "changes"},

	{command: "conntrack list", noun: "flows"},
	{command: "conntrack list --protocol tcp --state established --dport 443", noun: "flows"},
	{command: "conntrack count", noun: "groups", keys: "count max used_percent"},
	{command: "conntrack count --protocol tcp", noun: "groups", keys: "count"},
	{
		command: "conntrack count --by protocol,state,status,src,dst,sport,dport,reply-src,zone,mark", noun: "groups",
		keys: "count protocol state status src dst sport dport reply_src zone mark",
	},
	{command: "conntrack stats", noun: "counters"},
	{command: "conntrack stats --cpus", noun: "counters"},
	{command: "conntrack events --summary 100ms", noun: "events"},
	{command: "conntrack events", noun: "flows", ends: byInterrupt},
	{command: "conntrack events --new --protocol tcp", noun: "flows", ends: byInterrupt},

	{command: "opens status COUNTERS", noun: "status"},
	{command: "opens count COUNTERS", noun: "opens", keys: "opens"},
	{command: "opens count COUNTERS --by direction,network,port,peer", noun: "opens", keys: "direction network port peer opens"},
	{command: "opens record COUNTERS", noun: "opens", keys: "recorded opens counters duration_s"},
	{command: "opens report COUNTERS --since 1h", noun: "opens", keys: "opens"},
	{command: "opens report COUNTERS --since 1h --by hour,port,peer,network,direction", noun: "opens", keys: "hour port peer network direction opens"},
	{command: "opens watch COUNTERS --port 443", noun: "opens", keys: "time direction port peer peer_port", ends: byInterrupt},
	{command: "opens on COUNTERS", noun: "opens", keys: "change method size memory_bytes place"},
	{command: "opens off COUNTERS", noun: "opens", keys: "change"},
	{command: "opens status COUNTERS", noun: "status", code: 1},
	{command: "opens on COUNTERS --method nft", noun: "opens", keys: "change method size memory_bytes place"},
	{command: "opens status COUNTERS", noun: "status"},
	{command: "opens watch COUNTERS", noun: "opens", keys: "time direction port peer peer_port", ends: byInterrupt},
	{command: "opens count COUNTERS --by port,peer", noun: "opens", keys: "port peer opens"},
}

// Every command's JSON is as its schema says, with its keys in order; the CSV has
// the same keys as its header, and a field for each in every row.
func TestDocuments(t *testing.T) {
	h := newHouse(t)
	talk(t, h.ns)
	h.must("nft", "flush chain inet t raw") // what comes is tracked
	seen := map[string]bool{}
	for _, d := range documents {
		seen[d.noun] = true
		if !slices.Contains(testhost.Plugins(t), strings.Fields(d.command)[0]) {
			continue
		}
		keys := d.keys
		if keys == "" {
			keys = nounKeys[d.noun]
		}
		text := h.print(d, "json")
		h.holdsSchema(d, text)
		if got := rowKeys(t, d, text); len(got) == 0 || slices.ContainsFunc(got, func(row string) bool { return row != keys }) {
			t.Errorf("%s: rows have keys %q, want %q", d.command, got, keys)
		}
		table, err := csv.NewReader(strings.NewReader(h.print(d, "csv"))).ReadAll() // as many fields in each row
		if err != nil || len(table) < 2 || strings.Join(table[0], " ") != keys {
			t.Errorf("%s: CSV %.300q, %v, want keys %q", d.command, fmt.Sprint(table), err, keys)
			continue
		}
		for column, key := range table[0] {
			for _, list := range lists(t, d, text, key) {
				if !slices.ContainsFunc(table[1:], func(row []string) bool { return row[column] == list }) {
					t.Errorf("%s: CSV has no %s %q", d.command, key, list)
				}
			}
		}
	}
	files, err := filepath.Glob("schema/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		readSchema(t, file)
		if !seen[strings.TrimSuffix(filepath.Base(file), ".json")] {
			t.Errorf("nothing prints %s", file)
		}
	}
}

// print returns what a command prints in a format.
func (h *house) print(d document, format string) string {
	h.t.Helper()
	words := strings.Fields(strings.ReplaceAll(h.place(d.command), "-FORMAT", "-"+format))
	program, args := filepath.Join(h.usr, "bin/sockcensus-"+words[0]), append(words[1:], "--format", format)
	var got testhost.Result
	if d.ends == byInterrupt {
		got = h.interrupted(program, args)
	} else {
		got = h.run(program, args...)
	}
	if got.Code != d.code {
		h.t.Errorf("%s --format %s: want exit %d: %.600s", d.command, format, d.code, got)
	}
	return got.Stdout
}

// interrupted runs a program for a moment, while connections come.
func (h *house) interrupted(program string, args []string) testhost.Result {
	h.t.Helper()
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				h.connect("127.0.0.6", 443).Close()
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	return h.run(testhost.Need(h.t, "timeout"), append([]string{"--foreground", "--preserve-status", "--signal=INT", "0.7", program}, args...)...)
}

func (h *house) holdsSchema(d document, text string) {
	h.t.Helper()
	var document map[string]any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		h.t.Errorf("%s: %v: %s", d.command, err, text)
		return
	}
	for _, wrong := range readSchema(h.t, "schema/"+d.noun+".json").check(d.noun, document) {
		h.t.Errorf("%s: %s", d.command, wrong)
	}
}

// rowKeys are the different lists of keys that the rows of a document have, in
// the order of the text.
func rowKeys(t *testing.T, d document, text string) (lists []string) {
	t.Helper()
	var document map[string]json.RawMessage
	var rows []json.RawMessage
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Errorf("%s: %v", d.command, err)
		return nil
	}
	if err := json.Unmarshal(document[d.noun], &rows); err != nil {
		t.Errorf("%s: no %s: %v", d.command, d.noun, err)
	}
	for _, row := range rows {
		if list := strings.Join(objectKeys(t, row), " "); !slices.Contains(lists, list) {
			lists = append(lists, list)
		}
	}
	return lists
}

// lists are the lists of words and numbers that rows have under a key, joined by
// blanks.
func lists(t *testing.T, d document, text, key string) (joined []string) {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Errorf("%s: %v", d.command, err)
	}
	rows, _ := document[d.noun].([]any)
	for _, row := range rows {
		row, _ := row.(map[string]any)
		list, _ := row[key].([]any)
		if len(list) == 0 {
			continue
		}
		if _, isObject := list[0].(map[string]any); !isObject {
			joined = append(joined, strings.Trim(fmt.Sprint(list), "[]"))
		}
	}
	return joined
}

func objectKeys(t *testing.T, object []byte) (keys []string) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil { // {
		t.Fatal(err)
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.(string))
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}
