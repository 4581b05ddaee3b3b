package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// answer is what a command found: numbers by name.
type answer map[string]int64

func (a answer) withoutZeros() answer {
	maps.DeleteFunc(a, func(_ string, n int64) bool { return n == 0 })
	return a
}

// String lists the numbers by name.
func (a answer) String() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		words = append(words, fmt.Sprintf("%s=%d", name, a[name]))
	}
	if words == nil {
		return "nothing"
	}
	return strings.Join(words, " ")
}

// oneNumber reads output that is a number and nothing else, as of wc -l.
func oneNumber(output string) (answer, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(output), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("a number was expected, got %q", output)
	}
	return answer{"total": n}, nil
}

// perfdata reads the performance data of a check.
func perfdata(output string) (answer, error) {
	line, _, _ := strings.Cut(output, "\n")
	_, data, found := strings.Cut(line, "|")
	if !found {
		return nil, fmt.Errorf("performance data was expected, got %q", output)
	}
	a := answer{}
	for word := range strings.FieldsSeq(data) {
		label, value, _ := strings.Cut(word, "=")
		value, _, _ = strings.Cut(value, ";")
		n, err := strconv.ParseInt(strings.TrimRight(value, "%c"), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q in the performance data is not a whole number", word)
		}
		a[label] = n
	}
	return a, nil
}

// metric is one number of a check.
func metric(name string) func(string) (answer, error) {
	return func(output string) (answer, error) {
		all, err := perfdata(output)
		if err != nil {
			return nil, err
		}
		n, found := all[name]
		if !found {
			return nil, fmt.Errorf("no %q in %q", name, output)
		}
		return answer{"total": n}, nil
	}
}

// checkStates are the numbers of a check --by state that are not zero.
func checkStates(output string) (answer, error) {
	all, err := perfdata(output)
	if err != nil {
		return nil, err
	}
	delete(all, "total")
	delete(all, "largest")
	return all.withoutZeros(), nil
}

// stateLabels translates what ss and netstat print into the check's labels.
var stateLabels = map[string]string{
	"ESTAB":      "established",
	"SYN-SENT":   "syn_sent",
	"SYN-RECV":   "syn_recv",
	"FIN-WAIT-1": "fin_wait_1",
	"FIN-WAIT-2": "fin_wait_2",
	"TIME-WAIT":  "time_wait",
	"CLOSE-WAIT": "close_wait",
	"LAST-ACK":   "last_ack",
	"CLOSING":    "closing",
	"UNCONN":     "closed",
	"LISTEN":     "listening",
}

// stateLines reads "STATE NUMBER" lines, the states as ss prints them.
func stateLines(output string) (answer, error) {
	a := answer{}
	for line := range strings.Lines(output) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(value, 10, 64)
		label, known := stateLabels[name]
		if err != nil || !known {
			return nil, fmt.Errorf("a state of ss and a number were expected, got %q", line)
		}
		a[label] += n
	}
	return a.withoutZeros(), nil
}
