package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings say what is measured. They come from the environment, so that they
// pass through make.
type settings struct {
	bin      string        // directory of the plugins
	sizes    []int         // connections in the busy namespace
	rounds   int           // rounds per comparison, 0 = by size
	flows    int           // entries of the connection-tracking table
	share    int           // percent of the sockets that have local port 443
	buckets  int           // size of a namespace's established hash
	only     []string      // questions to ask, none = all
	timeout  time.Duration // for one process
	smoke    bool          // a short run that only proves that everything works
	mustWork bool          // a missing right is a failure rather than a skip
}

// The most that one run may be asked for: beyond it the holders' addresses and
// the hash would no longer be like a real host's.
const (
	maxSize    = 2_000_000
	maxRounds  = 1000
	maxBuckets = 1 << 24
)

// readSettings reads the environment through getenv; smoke asks for the short run.
func readSettings(getenv func(string) string, smoke bool) (settings, error) {
	s := settings{
		bin:      "bin",
		sizes:    []int{1_000, 10_000, 100_000},
		flows:    250_000,
		share:    30,
		buckets:  262_144,
		timeout:  5 * time.Minute,
		smoke:    smoke,
		mustWork: getenv("CI") == "true",
	}
	if smoke {
		s.sizes, s.flows, s.rounds = []int{1_000}, 1_000, 3
	}
	if dir := getenv("BENCH_BIN"); dir != "" {
		s.bin = dir
	}
	s.only = strings.Fields(getenv("BENCH_ONLY"))
	for _, q := range s.only {
		if !slices.Contains(questionNames, q) {
			return s, fmt.Errorf("BENCH_ONLY: no question %q; there are: %s", q, strings.Join(questionNames, " "))
		}
	}
	return s, s.readNumbers(getenv)
}

func (s *settings) readNumbers(getenv func(string) string) error {
	if sizes := strings.Fields(getenv("BENCH_SIZES")); len(sizes) > 0 {
		s.sizes = nil
		for _, word := range sizes {
			n, err := number("BENCH_SIZES", word, 1, maxSize)
			if err != nil {
				return err
			}
			s.sizes = append(s.sizes, n)
		}
	}
	for _, v := range []struct {
		name     string
		to       *int
		min, max int
	}{
		{"BENCH_ROUNDS", &s.rounds, 1, maxRounds},
		{"BENCH_SHARE", &s.share, 1, 50}, // each connection has two sockets, one of them the server's
		{"BENCH_FLOWS", &s.flows, 1, maxSize},
		{"BENCH_EHASH", &s.buckets, 16, maxBuckets},
	} {
		word := getenv(v.name)
		if word == "" {
			continue
		}
		n, err := number(v.name, word, v.min, v.max)
		if err != nil {
			return err
		}
		*v.to = n
	}
	return nil
}

// number reads a whole number; 10_000 and 10000 are the same.
func number(name, word string, low, high int) (int, error) {
	n, err := strconv.Atoi(strings.ReplaceAll(word, "_", ""))
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%s: %q is not a whole number from %d to %d", name, word, low, high)
	}
	return n, nil
}

// roundsFor is how often each side runs with that many connections: fewer where
// one run takes long, as the share of chance in it is small.
func (s *settings) roundsFor(q question, size int) int {
	switch {
	case s.rounds > 0:
		return s.rounds
	case q.once:
		return 45 // some milliseconds each, where chance is large
	case size > 100_000:
		return 5
	case size > 10_000:
		return 9
	default:
		return 15
	}
}
