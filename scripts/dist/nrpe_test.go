package dist

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

var nrpeLine = regexp.MustCompile(`(?m)^#?command\[(\w+)\]=(.*)$`)

// Every line of the example gives by check_nrpe what it gives directly. The
// connection of check_nrpe is one more where all are counted.
func TestNRPE(t *testing.T) {
	h := newHouse(t)
	text := h.place(regexp.MustCompile(`(/check_opens) `).ReplaceAllString(example(t, h.usr, "nrpe/sockcensus.cfg"), "$1 COUNTERS "))
	daemon := testhost.NewNRPE(t, testhost.NRPEOptions{Netns: h.ns, Extra: text})
	lines := nrpeLine.FindAllStringSubmatch(text, -1)
	if len(lines) < 12 {
		t.Fatalf("only %d command lines in the example", len(lines))
	}
	for _, match := range lines {
		name, line := match[1], match[2]
		commented := strings.HasPrefix(match[0], "#")
		if !ours(t, line) || strings.HasPrefix(line, "sudo") {
			continue
		}
		line = strings.NewReplacer("--filter '$ARG1$'", "--filter 'sport = :443'", "'$ARG1$'", "443", "'$ARG2$'", "10", "'$ARG3$'", "20").Replace(line)
		want := direct(t, h.ns, line)
		if mistaken(want.Stdout) || want.Stderr != "" || !strings.HasPrefix(want.Stdout, strings.ToUpper(checkName(line))+" ") || want.Code == 3 {
			t.Errorf("%s: %s", line, want)
		}
		if commented {
			continue
		}
		got := daemon.Check(name)
		if got.Code != want.Code || masked(got.Stdout) != masked(want.Stdout) {
			t.Errorf("%s: by check_nrpe %s\ndirectly %s", name, got, want)
		}
	}
}

// nrpeV2 is how much text a packet of version 2 carries; what is longer is cut,
// and nobody is told.
const nrpeV2 = 1023

// Every check of the table gives by check_nrpe the bytes and the exit code of a
// direct run, in packets of each version. Where a packet cuts, what is left is the
// state and the words, and the performance data if there is room for it. A daemon
// of NRPE 4 answers no request of version 3: check_nrpe falls back to version 2.
func TestNRPEPackets(t *testing.T) {
	h, all := newHouse(t), checksHere(t)
	commands := map[string]string{}
	for _, c := range all {
		commands[c.String()] = h.line(c)
	}
	daemon := testhost.NewNRPE(t, testhost.NRPEOptions{Netns: h.ns, Commands: commands})
	h.directly(all) // what is remembered between runs begins
	before := h.directly(all)
	got := map[string]map[string]testhost.Result{}
	for _, c := range all {
		got[c.String()] = map[string]testhost.Result{"v2": daemon.Check(c.String(), "-2"), "v4": daemon.Check(c.String())}
		if c.name == "long" && c.plugin < "conntrack" { // two, for the detour takes a second
			got[c.String()]["v3"] = daemon.Check(c.String(), "-3")
		}
	}
	after := h.directly(all)
	var long int
	for _, c := range all {
		first, then := before[c.String()], after[c.String()]
		if len(first.Stdout) > 7000 {
			long++
		}
		if len(first.Stdout) > 8192 {
			t.Errorf("%s printed %d bytes", c, len(first.Stdout))
		}
		for version, got := range got[c.String()] {
			if got.Code != first.Code || got.Stderr != "" {
				t.Errorf("%s in %s: want exit %d: %s", c, version, first.Code, got)
			}
			wrong := between(first.Stdout, got.Stdout, then.Stdout)
			if version != "v4" && len(first.Stdout) > nrpeV2 {
				wrong = nrpeCut(first.Stdout, got.Stdout, then.Stdout)
			}
			for _, wrong := range wrong {
				t.Errorf("%s in %s: %s", c, version, wrong)
			}
		}
	}
	if long < len(testhost.Plugins(t)) {
		t.Errorf("only %d checks came near the limit of 8 KiB", long)
	}
}

// nrpeCut is between for an output that was cut.
func nrpeCut(before, cut, after string) (wrong []string) {
	if kept := strings.TrimSuffix(cut, "\n"); len(kept) < nrpeV2-10 || len(kept) > nrpeV2 {
		wrong = append(wrong, fmt.Sprintf("a packet carried %d bytes", len(kept)))
	}
	first, got, then := takeApart(before), takeApart(cut), takeApart(after)
	wrong = append(wrong, between(first.words, got.words, then.words)...)
	if len(first.words)+len(first.perfdata) < nrpeV2-10 {
		wrong = append(wrong, between(first.perfdata, got.perfdata, then.perfdata)...)
	} else if !strings.HasPrefix(first.perfdata, got.perfdata) {
		wrong = append(wrong, fmt.Sprintf("%q is not the beginning of %q", got.perfdata, first.perfdata))
	}
	return wrong
}
