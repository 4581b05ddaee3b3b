package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
	"github.com/sockcensus/sockcensus/scripts/testnet"
)

// Switched off and on between two polls, the second counts from the new zero.
func TestSwitchedOffAndOn(t *testing.T) {
	l := countingLab(t)
	if got := l.check("-p", "4711"); got.Code != 0 || !strings.Contains(got.Stdout, "120 connections to port 4711") {
		t.Errorf("first: %v", got)
	}
	l.opens(0, "record")
	l.opens(0, "off")
	if got := l.check("-p", "4711"); got.Code != 3 || !strings.HasPrefix(got.Stdout, "OPENS UNKNOWN - connections are not being counted: run sockcensus-opens on --bpffs "+l.bpffs()+" as root") {
		t.Errorf("while off: %v", got)
	}
	if got := l.opens(1, "status"); !strings.Contains(got.Stdout, "counting  no") {
		t.Errorf("status while off: %v", got)
	}
	l.connect(17) // counted by nobody
	l.opens(0, "on")
	l.connect(30)
	// The history reaches back about as far as the state of the first check, and
	// whichever is nearer to the period is taken: both know what they count.
	got := l.check("-p", "4711")
	if got.Code != 0 || !strings.Contains(got.Stdout, " 30 connections to port 4711") && !strings.Contains(got.Stdout, " 150 connections to port 4711") {
		t.Errorf("on again: %v", got)
	}
	for range 2 {
		if got := l.opens(0, "report", "-p", "4711", "--format", "csv").Stdout; got != "opens\n150\n" {
			t.Errorf("the history has %q, want 120 and 30", got)
		}
		l.opens(0, "record")
	}
}

// Somebody's `flush ruleset` takes the counters of nft away: that is said, and what
// comes after is neither negative nor doubled.
func TestFlushedRuleset(t *testing.T) {
	l := countingLab(t, "--method", "nft")
	l.opens(0, "record")
	l.check("-p", "4711")
	testnet.Tool(l.t, "nft", l.Server, "flush ruleset")
	if got := l.check("-p", "4711"); got.Code != 3 || !strings.Contains(got.Stdout, "opens on") {
		t.Errorf("after the flush: %v", got)
	}
	l.opens(1, "status")
	if got := l.opens(0, "on", "--method", "nft"); !strings.Contains(got.Stdout, "started") {
		t.Errorf("on again: %v", got)
	}
	l.connect(9)
	// As above: from the state, which begins at the flush, or from the history.
	got := l.check("-p", "4711")
	if got.Code != 0 || !strings.Contains(got.Stdout, "OPENS OK - 9 connections to port 4711") && !strings.Contains(got.Stdout, "OPENS OK - 129 connections to port 4711") {
		t.Errorf("on again: %v", got)
	}
	l.opens(0, "record")
	if got := l.opens(0, "report", "-p", "4711", "--format", "csv").Stdout; got != "opens\n129\n" {
		t.Errorf("the history has %q, want 120 and 9", got)
	}
}

// Reports while steps are recorded and connections open see each connection once:
// the number never falls, and ends at the truth.
func TestReportWhileRecording(t *testing.T) {
	l := countingLab(t)
	l.opens(0, "record")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 15 {
			testhost.Run(t, l.command("opens", "record"))
		}
	}()
	report := func() int {
		text := l.opens(0, "report", "-p", "4711", "--format", "csv").Stdout
		n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(text, "opens\n")))
		if err != nil {
			t.Fatal(text)
		}
		return n
	}
	last, rounds := report(), 0
	for running := true; running; rounds++ {
		select {
		case <-done:
			running = false
		default:
		}
		l.connect(10)
		now := report()
		if now != last+10 {
			t.Errorf("a report has %d, want %d", now, last+10)
		}
		last = now
	}
	if want := 120 + 10*rounds; last != want {
		t.Errorf("the last report has %d, want %d", last, want)
	}
}
