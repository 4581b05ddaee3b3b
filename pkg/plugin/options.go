package plugin

import (
	"fmt"
	"strings"
)

// Common are the options that every personality of every plugin takes. Fields
// hold what was written; the values are parsed afterwards, so that every
// error has one wording.
type Common struct {
	Timeout  string `short:"t" long:"timeout" unquote:"false" value-name:"DURATION" description:"give up after this time (checks and Munin: 8s)"`
	Verbose  []bool `short:"v" long:"verbose" description:"say how the answer was found: source, plan, timings; repeatable"`
	Version  bool   `short:"V" long:"version" description:"print the version"`
	Help     bool   `short:"h" long:"help" description:"print this help"`
	NetNS    string `long:"netns" unquote:"false" value-name:"NAME|PID|PATH" description:"look into another network namespace"`
	Source   string `long:"source" unquote:"false" value-name:"auto|netlink|proc" description:"where sockets are read from (default: auto)"`
	StateDir string `long:"state-dir" unquote:"false" value-name:"DIR" description:"where to remember things between runs"`
}

func (c *Common) common() *Common { return c }

// Limits are the thresholds of a check.
type Limits struct {
	Warning  Ranges `short:"w" long:"warning" unquote:"false" value-name:"[METRIC=]RANGE" description:"WARNING when the metric is outside the range; repeatable"`
	Critical Ranges `short:"c" long:"critical" unquote:"false" value-name:"[METRIC=]RANGE" description:"CRITICAL when the metric is outside the range; repeatable"`
}

func (l *Limits) limits() *Limits { return l }

// Output are the options of commands that print a table.
type Output struct {
	Format string `long:"format" unquote:"false" value-name:"table|json|csv" description:"how to print (default: table)"`
	Color  string `long:"color" unquote:"false" value-name:"auto|always|never" description:"colour the heading (default: auto; NO_COLOR is honoured)"`
}

func (o *Output) output() *Output { return o }

// Ranges are the values of a threshold option. Unlike other values they may
// begin with a minus sign, as in -5:5.
type Ranges []string

// IsValidValue tells go-flags whether the next word can be the value.
func (Ranges) IsValidValue(word string) error {
	if rest, ok := strings.CutPrefix(word, "-"); ok && !startsNumber(rest) {
		return fmt.Errorf("a range is missing before %s", word)
	}
	return nil
}

func startsNumber(s string) bool {
	return s != "" && (s[0] >= '0' && s[0] <= '9' || s[0] == '.' || strings.HasPrefix(s, "inf"))
}

// Words splits the values of a repeatable option at commas. Empty parts are
// dropped, so that an empty value means "not set".
func Words(values []string) []string {
	var words []string
	for _, value := range values {
		for word := range strings.SplitSeq(value, ",") {
			if word = strings.TrimSpace(word); word != "" {
				words = append(words, word)
			}
		}
	}
	return words
}

// Unsplit returns the values of a repeatable option whose values may hold
// commas. Empty ones are dropped.
func Unsplit(values []string) []string {
	var kept []string
	for _, value := range values {
		if value = strings.TrimSpace(value); value != "" {
			kept = append(kept, value)
		}
	}
	return kept
}
