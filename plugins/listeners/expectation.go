package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/baseline"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// expecting are the options that say what may and what has to listen.
type expecting struct {
	Baseline   string   `long:"baseline" unquote:"false" value-name:"FILE" description:"file of what is expected, as baseline write makes it"`
	Require    []string `long:"require" unquote:"false" value-name:"SOCKET" description:"what has to listen: PROTO/PORT (beyond loopback) or PROTO/ADDR:PORT (* = any address); repeatable"`
	Allow      []string `long:"allow" unquote:"false" value-name:"SOCKET" description:"what may listen; repeatable"`
	Unexpected string   `long:"unexpected" unquote:"false" value-name:"ok|warning|critical" description:"state when something else listens (default: warning)"`
	Missing    string   `long:"missing" unquote:"false" value-name:"ok|warning|critical" description:"state when something expected does not listen (default: critical)"`
}

// An expectation is what those options say.
type expectation struct {
	rules    []baseline.Rule
	problems []string // what is wrong with the baseline
	notes    []string
	// severity by metric
	severity map[string]threshold.Status
	// onlyRequired tells that nothing says what else may listen.
	onlyRequired bool
}

// expected reads the options; nil means that nothing is expected.
func (e *expecting) expected(service func(string) (uint16, error)) (*expectation, error) {
	require, allow := plugin.Words(e.Require), plugin.Words(e.Allow)
	unexpected, err := severity("--unexpected", e.Unexpected, threshold.Warning)
	if err != nil {
		return nil, err
	}
	missing, err := severity("--missing", e.Missing, threshold.Critical)
	if err != nil {
		return nil, err
	}
	if e.Baseline == "" && len(require)+len(allow) == 0 {
		if e.Unexpected+e.Missing != "" {
			return nil, plugin.Usagef("--unexpected and --missing need --baseline, --require or --allow: without one of them nothing is expected")
		}
		return nil, nil
	}
	x := &expectation{
		severity:     map[string]threshold.Status{"unexpected": unexpected, "missing": missing},
		onlyRequired: e.Baseline == "" && len(allow) == 0,
	}
	if e.Baseline != "" {
		if err := x.readFile(e.Baseline); err != nil {
			return nil, err
		}
	}
	if err := x.add("--require", require, true, service); err != nil {
		return nil, err
	}
	return x, x.add("--allow", allow, false, service)
}

func severity(option, word string, fallback threshold.Status) (threshold.Status, error) {
	switch word {
	case "":
		return fallback, nil
	case "ok":
		return threshold.OK, nil
	case "warning":
		return threshold.Warning, nil
	case "critical":
		return threshold.Critical, nil
	}
	return 0, plugin.Usagef("%s %s: use ok, warning or critical", option, quote.Text(word))
}

// readFile adds the rules of a baseline. What is wrong with single lines does not
// keep the others from counting.
func (x *expectation) readFile(path string) error {
	f, _, err := readBaseline(path)
	if err != nil {
		return err
	}
	for i := range f.Problems {
		p := &f.Problems[i]
		text := fmt.Sprintf("baseline %s, %v", baseline.Word(path), p)
		if p.Kind == baseline.Duplicate {
			x.notes = append(x.notes, text)
		} else {
			x.problems = append(x.problems, text)
		}
	}
	x.rules = append(x.rules, f.Rules()...)
	return nil
}

// add adds rules that options give: they do not ask which program it is.
func (x *expectation) add(option string, sockets []string, required bool, service func(string) (uint16, error)) error {
	for _, text := range sockets {
		place, err := baseline.ParseSocket(text, service)
		if err != nil {
			return &plugin.UsageError{Sentence: option + " " + err.Error(), Err: err}
		}
		x.rules = append(x.rules, baseline.Rule{
			Place: place, Programs: []string{baseline.AnyProgram}, Required: required, Origin: option,
		})
	}
	return nil
}

// A comparison is a survey held against what is expected.
type comparison struct {
	*survey
	rules  []baseline.Rule
	listed []*listener
	result baseline.Result
}

// compare holds the survey against rules. Processes are looked for only where it
// matters, and for all holders of a socket only where the first one is another
// program than expected. Unless it is to describe what is unexpected, nobody
// looks for programs that no rule names.
func (s *survey) compare(ctx context.Context, rules []baseline.Rule, describe bool) (*comparison, error) {
	c := &comparison{survey: s, rules: rules}
	c.again()
	least := baseline.ToCompare
	if describe {
		least = baseline.ToDescribe
	}
	if err := s.hold(ctx, c.needing(least), false); err != nil {
		return nil, err
	}
	c.again()
	owners := s.owners
	if err := s.hold(ctx, c.doubted(), true); err != nil {
		return nil, err
	}
	s.owners = owners
	c.again()
	return c, nil
}

func (c *comparison) again() {
	c.listed = c.listeners()
	c.result = baseline.Compare(c.rules, bare(c.listed))
}

// needing are the sockets whose program is needed for something.
func (c *comparison) needing(least baseline.Need) []*socket {
	var sockets []*socket
	for n, need := range baseline.Needs(c.rules, bare(c.listed)) {
		if need >= least {
			sockets = append(sockets, c.listed[n].sockets...)
		}
	}
	return sockets
}

// doubted are the sockets whose first holder is none of the programs that a rule
// names: another holder may be.
func (c *comparison) doubted() []*socket {
	var sockets []*socket
	needs := baseline.Needs(c.rules, bare(c.listed))
	for _, n := range c.result.Unexpected {
		for _, one := range c.listed[n].sockets {
			if needs[n] == baseline.ToCompare && one.visibility == owner.Held {
				sockets = append(sockets, one)
			}
		}
	}
	return sockets
}

// untold says which wildcards are taken for fulfilled although the source does
// not tell whether the socket on [::] takes IPv4 as well; "" where there are none.
func (c *comparison) untold() string {
	if !slices.ContainsFunc(c.listed, (*listener).doubtful) {
		return ""
	}
	var places []string
	for i := range c.rules {
		p := &c.rules[i].Place
		there := func(l *listener) bool { return p.Matches(&l.Listener) }
		if !c.rules[i].Required || p.Scope != baseline.Wildcard || !slices.ContainsFunc(c.listed, there) {
			continue
		}
		if !slices.ContainsFunc(c.listed, func(l *listener) bool { return there(l) && !l.doubtful() }) {
			places = append(places, c.rules[i].String())
		}
	}
	if len(places) == 0 {
		return ""
	}
	return fmt.Sprintf("source %s does not tell whether [::] takes IPv4 too, which is taken for granted: %s", c.plan.Source, strings.Join(places, ", "))
}

// doubtful reports whether it is not known if the listener takes IPv4.
func (l *listener) doubtful() bool {
	return l.Local.Addr().Is6() && !l.sockets[0].known.Has(sock.FieldV6Only)
}
