package docs

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// The tables of the README that tell how to move hold what they say: Munin's own
// plugins draw the fields that they are said to draw, and ours the others; what is
// counted by a pipeline of old is counted the same by ours.
func TestMoving(t *testing.T) {
	testhost.NeedRoot(t)
	testhost.Need(t, "netstat")
	h := newHost(t)
	h.populate()
	rows, fields, counts := tables(t, "../../README.md"), 0, 0
	for _, row := range rows {
		switch {
		case len(row) == 4 && len(row[2]) == 1 && muninLink.MatchString(row[2][0]):
			fields++
			for _, link := range row[0] {
				h.draws(link, row[1])
			}
			h.draws(row[2][0], row[3])
		case len(row) == 2 && len(row[0]) == 1 && len(row[1]) == 1 && regexp.MustCompile(`wc -l$|grep -c`).MatchString(row[0][0]):
			counts++
			h.sameNumber(row[0][0], row[1][0])
		}
	}
	for _, row := range tables(t, "../dist/README.md") {
		if len(row) == 4 && len(row[0]) == 1 && len(row[2]) == 1 && regexp.MustCompile(`-[dg]$`).MatchString(strings.Join(row[1], "")) {
			fields++
			h.keptAs(row[0][0], row[1])
			h.keptAs(row[2][0], row[3])
		}
	}
	if fields != 10 || counts < 4 {
		t.Errorf("%d graphs and %d counts were compared", fields, counts)
	}
}

// tables are the spans of code in each cell of each row.
func tables(t *testing.T, path string) [][][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][][]string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		var row [][]string
		line = strings.TrimSuffix(strings.TrimPrefix(strings.ReplaceAll(line, `\|`, "\x00"), "|"), "|\n")
		for cell := range strings.SplitSeq(line, "|") {
			var spans []string
			for _, match := range span.FindAllStringSubmatch(cell, -1) {
				spans = append(spans, strings.ReplaceAll(match[1], "\x00", "|"))
			}
			row = append(row, spans)
		}
		rows = append(rows, row)
	}
	return rows
}

// keptAs looks whether Munin keeps the fields of a graph in files that end in -g
// for a gauge, -d for a rate.
func (h *host) keptAs(name string, files []string) {
	h.t.Helper()
	for _, file := range files {
		field, letter, _ := strings.Cut(file, "-")
		h.draws(name, []string{field})
		rate := strings.Contains(h.must("munin-run "+name+" config"), "\n"+field+".type DERIVE")
		if rate != (letter == "d") {
			h.t.Errorf("%s keeps %s as something else", name, file)
		}
	}
}

// draws links a plugin as any of Munin's, and looks for fields in what it says.
func (h *host) draws(name string, fields []string) {
	h.t.Helper()
	plugin := name
	if i := strings.IndexByte(name, '_'); i > 0 && !strings.HasPrefix(name, "fw_") {
		plugin = name[:i+1]
	}
	h.must(fmt.Sprintf("ln -sf /usr/share/munin/plugins/%s /etc/munin/plugins/%s", plugin, name))
	h.must("printf '[fw_*]\\nuser root\\n[conntrack_*]\\nuser root\\n' >/etc/munin/plugin-conf.d/moving")
	config, values := h.must("munin-run "+name+" config"), h.must("munin-run "+name)
	for _, field := range fields {
		if muninLink.MatchString(field) {
			continue // named as the place of a field
		}
		if !strings.Contains(config, "\n"+field+".label ") || !strings.Contains("\n"+values, "\n"+field+".value ") {
			h.t.Errorf("%s draws no %s:\n%s%s", name, field, config, values)
		}
	}
}

// sameNumber runs two commands that count the same until they agree: some of
// what they count comes and goes.
func (h *host) sameNumber(before, now string) {
	h.t.Helper()
	number := regexp.MustCompile(`(\d+)\s*$`)
	before, _ = h.runnable(before)
	var a, b string
	for range 20 {
		first, second := number.FindStringSubmatch(h.must(before)), number.FindStringSubmatch(h.must(now))
		if first == nil || second == nil {
			h.t.Errorf("%s or %s prints no number", before, now)
			return
		}
		if a, b = first[1], second[1]; a == b {
			if a == "0" {
				h.t.Errorf("%s counts nothing here", before)
			}
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	h.t.Errorf("%s counts %s, %s counts %s", before, a, now, b)
}

// What Munin has drawn so far goes on under the new name, when the file of a
// field is copied as the README of scripts/dist tells.
func TestHistoryMoves(t *testing.T) {
	testhost.NeedRoot(t)
	testhost.Need(t, "munin-update")
	names := regexp.MustCompile(`www\.example\.com-(\w+)-(\w+)-g\.rrd`).FindAllStringSubmatch(readText(t, "../dist/README.md"), -1)
	if len(names) < 2 {
		t.Fatalf("the document names no files: %q", names)
	}
	before, now := names[0], names[1]
	ns := testhost.NewNetns(t)
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: ns, Host: "www.example.com"})
	node.Link(before[1], "/usr/share/munin/plugins/port_")
	node.Start()
	master := testhost.NewMuninMaster(t, node)
	master.Update(4)
	node.Stop()
	if err := os.Remove(filepath.Join(node.ServiceDir, before[1])); err != nil {
		t.Fatal(err)
	}
	old := master.RRDFiles(before[1])[before[2]]
	if filepath.Base(old) != before[0] {
		t.Fatalf("Munin's file is %s", old)
	}
	fresh := filepath.Join(filepath.Dir(old), now[0])
	if got := testhost.Run(t, testhost.Command{Path: "/bin/cp", Args: []string{"-p", old, fresh}}); got.Code != 0 {
		t.Fatal(got)
	}
	node.Link(now[1], testhost.Binary(t, "connections"))
	node.Start()
	master.Update(2)
	numbers := 0
	for _, value := range master.Values(now[1], now[2]) {
		if value != "nan" {
			numbers++
		}
	}
	if len(master.RRDFiles(now[1])) != 1 || numbers < 4 {
		t.Errorf("%v has %d values: %v", master.RRDFiles(now[1]), numbers, master.Values(now[1], now[2]))
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The README states the sizes of the binaries as they are shipped. Those that
// need no privilege stay below four megabytes.
func TestSizes(t *testing.T) {
	dir, text := testhost.Build(t), readText(t, "../../README.md")
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		stated := regexp.MustCompile(name + `(?:\s+has)?\s+(\d+(?:\.\d)?)\b`).FindStringSubmatch(text)
		if stated == nil {
			t.Errorf("the README does not tell the size of %s", name)
			continue
		}
		size, err := strconv.ParseFloat(stated[1], 64)
		if is := float64(info.Size()) / 1e6; err != nil || math.Abs(size-is) > 0.1 {
			t.Errorf("%s has %.2f MB, the README says %s", name, is, stated[1])
		}
		if name != "opens" && info.Size() >= 4e6 {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
	}
}
