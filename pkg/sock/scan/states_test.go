package scan

import (
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

func TestDerive(t *testing.T) {
	tests := []struct {
		name              string
		before, after     counters
		others, closeWait uint64
		want              uint64
		ok                bool
	}{
		{"quiet, CLOSE_WAIT counted as current", counters{inUse: 110, current: 105}, counters{inUse: 110, current: 105}, 10, 5, 100, true},
		{"quiet, older kernel", counters{inUse: 110, current: 100}, counters{inUse: 110, current: 100}, 10, 5, 100, true},
		{"idle host", counters{inUse: 3, current: 0}, counters{inUse: 3, current: 0}, 3, 0, 0, true},
		{"rising meanwhile: the newer reading", counters{inUse: 110, current: 100}, counters{inUse: 130, current: 120}, 10, 0, 120, true},
		{"falling meanwhile", counters{inUse: 130, current: 120}, counters{inUse: 110, current: 100}, 10, 0, 100, true},
		{"the second counter bounds the first", counters{inUse: 110, current: 100}, counters{inUse: 130, current: 115}, 10, 0, 115, true},
		{"counters that contradict each other", counters{inUse: 110, current: 300}, counters{inUse: 110, current: 300}, 10, 0, 0, false},
		{"more listed than in use", counters{inUse: 5, current: 0}, counters{inUse: 5, current: 0}, 10, 0, 0, false},
		{"CLOSE_WAIT above current: older kernel", counters{inUse: 13, current: 2}, counters{inUse: 13, current: 2}, 11, 9, 2, true},
	}
	for _, tt := range tests {
		got, ok := derive(tt.before, tt.after, tt.others, tt.closeWait)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: derive = %d, %t, want %d, %t", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestCheaper(t *testing.T) {
	CountFew(t)
	established := sock.StatesOf(sock.Established)
	for _, tt := range []struct {
		name     string
		counters counters
		wanted   sock.StateSet
		want     bool
	}{
		{"many connections", counters{current: 1000, timeWait: 10}, established, true},
		{"more in TIME_WAIT", counters{current: 10, timeWait: 1000}, established, false},
		{"but these are wanted", counters{current: 10, timeWait: 1000}, sock.AllStates, true},
		{"none", counters{}, established, false},
	} {
		if got := cheaper(tt.counters, tt.wanted); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
	if !cheaper(counters{current: 1}, established) {
		t.Error("CountFew has one listed")
	}
}

func TestFewAreListed(t *testing.T) {
	if cheaper(counters{current: few}, sock.AllStates) || !cheaper(counters{current: few + 1}, sock.AllStates) {
		t.Errorf("%d are not the most that are listed", few)
	}
}
