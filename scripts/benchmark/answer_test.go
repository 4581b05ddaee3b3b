package main

import (
	"maps"
	"testing"
)

func TestAnswersAreRead(t *testing.T) {
	const check = "CONNECTIONS OK - 652 established | total=652;500;800;0; established=600 listening=52 closed=0\nlong | text=1\n"
	for _, tt := range []struct {
		name, output string
		read         func(string) (answer, error)
		want         answer
	}{
		{"wc", "  600\n", oneNumber, answer{"total": 600}},
		{"metric", check, metric("total"), answer{"total": 652}},
		{"states of the check", check, checkStates, answer{"established": 600, "listening": 52}},
		{"states of ss", "ESTAB 2000\nFIN-WAIT-2 10\n", stateLines, answer{"established": 2000, "fin_wait_2": 10}},
	} {
		got, err := tt.read(tt.output)
		if err != nil || !maps.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestOtherOutputIsAnError(t *testing.T) {
	for _, tt := range []struct {
		name, output string
		read         func(string) (answer, error)
	}{
		{"empty", "", oneNumber},
		{"words", "600 lines", oneNumber},
		{"no perfdata", "CONNECTIONS UNKNOWN - no", metric("total")},
		{"other metric", "OK | used=3", metric("total")},
		{"no number", "OK | total=U", metric("total")},
		{"unknown state", "ESTABLISHED 3\n", stateLines},
		{"no count", "ESTAB\n", stateLines},
	} {
		if got, err := tt.read(tt.output); err == nil {
			t.Errorf("%s: %v, want an error", tt.name, got)
		}
	}
}
