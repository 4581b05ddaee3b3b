package scan

import "testing"

func TestDerive(t *testing.T) {
	tests := []struct {
		name              string
		before, after     counters
		others, closeWait uint64
		want              uint64
		ok                bool
	}{
		{"quiet, CLOSE_WAIT counted as current", counters{110, 105}, counters{110, 105}, 10, 5, 100, true},
		{"quiet, older kernel", counters{110, 100}, counters{110, 100}, 10, 5, 100, true},
		{"idle host", counters{3, 0}, counters{3, 0}, 3, 0, 0, true},
		{"rising meanwhile: the newer reading", counters{110, 100}, counters{130, 120}, 10, 0, 120, true},
		{"falling meanwhile", counters{130, 120}, counters{110, 100}, 10, 0, 100, true},
		{"the second counter bounds the first", counters{110, 100}, counters{130, 115}, 10, 0, 115, true},
		{"counters that contradict each other", counters{110, 300}, counters{110, 300}, 10, 0, 0, false},
		{"more listed than in use", counters{5, 0}, counters{5, 0}, 10, 0, 0, false},
		{"CLOSE_WAIT above current: older kernel", counters{13, 2}, counters{13, 2}, 11, 9, 2, true},
	}
	for _, tt := range tests {
		got, ok := derive(tt.before, tt.after, tt.others, tt.closeWait)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: derive = %d, %t, want %d, %t", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}
