package main

import (
	"slices"
	"strings"
	"testing"
)

func environment(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func TestSettingsComeFromTheEnvironment(t *testing.T) {
	s, err := readSettings(environment(map[string]string{
		"BENCH_SIZES": "10_000  500000", "BENCH_ROUNDS": "7", "BENCH_SHARE": "10",
		"BENCH_EHASH": "4096", "BENCH_ONLY": "states port", "BENCH_BIN": "/opt/bin", "CI": "true",
	}), false)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.sizes, []int{10_000, 500_000}) || s.rounds != 7 || s.share != 10 || s.buckets != 4096 ||
		!slices.Equal(s.only, []string{"states", "port"}) || s.bin != "/opt/bin" || !s.mustWork {
		t.Errorf("read %+v", s)
	}
}

func TestSettingsRefuseWhatCannotBe(t *testing.T) {
	for name, value := range map[string]string{
		"BENCH_SIZES": "1000,10000", "BENCH_ROUNDS": "0", "BENCH_SHARE": "51", "BENCH_EHASH": "-1", "BENCH_ONLY": "ports",
	} {
		_, err := readSettings(environment(map[string]string{name: value}), false)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), value) {
			t.Errorf("%s=%s: %v, want an error with both", name, value, err)
		}
	}
}

func TestSmokeIsShort(t *testing.T) {
	s, err := readSettings(environment(nil), true)
	if err != nil || !slices.Equal(s.sizes, []int{1000}) || s.roundsFor(question{}, 1000) != 3 {
		t.Errorf("sizes %v, %d rounds, %v", s.sizes, s.roundsFor(question{}, 1000), err)
	}
}
