package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/baseline"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// aboveZero is the range of a metric that ought to be zero.
const aboveZero = "0"

// checkExpected makes the report on what differs from what is expected.
func (m *measurement) checkExpected(ctx context.Context, call *plugin.Call, r *report.Report, s *survey, x *expectation) error {
	counted := countListeners(s.listeners())
	matters := x.severity["unexpected"] != threshold.OK || call.Wants("unexpected") || call.Wants("")
	c, err := s.compare(ctx, x.rules, matters)
	if err != nil {
		return err
	}
	r.Default = "unexpected"
	r.Graphs[0].Category = "security"
	unproven, problem := c.unprovenRequired()
	r.Graphs[0].Metrics = append(c.metrics(call, x, unproven), counted.metrics(call)...)
	r.Headline = c.headline(counted.listening, matters)
	r.Problems = x.problems
	r.Details = append(c.lines(call, matters), x.notes...)
	if unproven > 0 && (x.severity["missing"] != threshold.OK || c.alarmsOnMissing(call, unproven)) {
		r.Problems = append(r.Problems, problem)
	}
	counted.problems(call, r, s, "queue")
	if note := c.untold(); note != "" {
		r.Details = append(r.Details, note)
	}
	if x.onlyRequired && matters && len(c.result.Unexpected) > 0 {
		r.Details = append(r.Details, "only --require says what is expected: give --unexpected ok if all else is welcome")
	}
	if counted.fullest == nil || !counted.queueKnown || !alarming(call, counted.fill, "queue") {
		return nil
	}
	culprit, err := s.identify(ctx, counted.fullest)
	if err == nil {
		r.Details = append(r.Details, queueDetail(s, culprit))
	}
	return err
}

// missing is how many required places nothing listens in. Of those that are
// unproven it is not known.
func (c *comparison) missing(unproven int) report.Value {
	n := len(c.result.Missing)
	return report.Between(uint64(n), uint64(n+unproven))
}

// alarmsOnMissing reports whether a threshold alerts on what is missing, or would
// if the unproven were.
func (c *comparison) alarmsOnMissing(call *plugin.Call, unproven int) bool {
	m := report.Metric{Value: c.missing(unproven), Threshold: call.Limits["missing"]}
	return m.Status() != threshold.OK
}

// metrics are those of what is expected; unproven is how many of the required
// places may be empty, although something seems to listen there.
func (c *comparison) metrics(call *plugin.Call, x *expectation, unproven int) []report.Metric {
	metrics := []report.Metric{
		{Name: "unexpected", Label: "unexpected", Help: "Listeners that nothing allows.", Value: report.Count(uint64(len(c.result.Unexpected))), Min: report.Count(0)},
		{Name: "missing", Label: "missing", Help: "What is expected and does not listen.", Value: c.missing(unproven), Min: report.Count(0)},
		{Name: "unverified", Label: "unverified", Help: "Listeners whose program may not be seen, so that only address and port were compared.", Value: report.Count(uint64(len(c.result.Unverified))), Min: report.Count(0)},
	}
	for i := range metrics {
		names := []string{metrics[i].Name}
		if metrics[i].Name == "unexpected" {
			names = append(names, "")
		}
		metrics[i].Threshold = combined(call, x.severity[metrics[i].Name], names)
	}
	return metrics
}

// combined is the threshold that a severity means. The frame lays what --warning
// and --critical say over it; here the worse of the two counts. A severity alerts
// on everything above zero, so a given range that is content with zero adds
// nothing to it and is put aside, and with one that is not every count alerts.
func combined(call *plugin.Call, severity threshold.Status, names []string) threshold.Threshold {
	var own threshold.Threshold
	switch severity {
	case threshold.Warning:
		own.Warning = threshold.MustParse(aboveZero)
	case threshold.Critical:
		own.Critical = threshold.MustParse(aboveZero)
	}
	for _, name := range names {
		given, ok := call.Limits[name]
		if !ok {
			continue
		}
		given.Warning = joined(own.Warning, given.Warning)
		given.Critical = joined(own.Critical, given.Critical)
		call.Limits[name] = given
	}
	return own
}

// joined is what is left to lay over the own range, which is above zero or unset.
func joined(own, given threshold.Range) threshold.Range {
	switch {
	case !own.IsSet():
		return given
	case given.Alerts(0):
		return threshold.MustParse("@0:")
	default:
		return threshold.Range{}
	}
}

// headline names the first of what is wrong, what is missing before what is new.
func (c *comparison) headline(listening uint64, matters bool) string {
	var parts []string
	if text := c.culprit(matters); text != "" {
		parts = append(parts, text)
	}
	return strings.Join(append(parts, fmt.Sprintf("%d listening, %d unexpected", listening, len(c.result.Unexpected))), ", ")
}

// culprit is the first difference, and the number of others of its kind.
func (c *comparison) culprit(matters bool) string {
	if len(c.result.Moves) > 0 {
		m := c.result.Moves[0]
		if m.Replaced {
			return fmt.Sprintf("%s instead of %s", c.listed[m.Listener].name(), programs(&c.rules[m.Rule]))
		}
		return fmt.Sprintf("%s moved to %s", c.rules[m.Rule].String(), c.listed[m.Listener].Place())
	}
	if n := len(c.result.Missing); n > 0 {
		return c.rules[c.result.Missing[0]].String() + others(n) + " missing"
	}
	if n := len(c.result.Unexpected); n > 0 && matters {
		return "new " + c.listed[c.result.Unexpected[0]].name() + others(n)
	}
	return ""
}

func others(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n-1)
}

func programs(r *baseline.Rule) string {
	return strings.TrimPrefix(r.String(), r.Place.String()+" ")
}

// mostDescribed bounds the processes that are read about: no monitoring system
// carries the text of more.
const mostDescribed = 64

// lines are the differences in long text: moved, missing, new, unverified. New
// ones are left out where they do not matter.
func (c *comparison) lines(call *plugin.Call, matters bool) []string {
	var lines []string
	for _, d := range c.differences() {
		switch {
		case !matters && d.change == "new":
		case d.change == "new" && len(lines) >= mostDescribed:
			lines = append(lines, "new: "+d.listener.name())
		default:
			lines = append(lines, d.text(c, call))
		}
	}
	if n := len(c.result.Unverified); n > 0 {
		lines = append(lines, fmt.Sprintf("unverified: %d, beginning with %s", n, c.listed[c.result.Unverified[0]].name()))
	}
	if reason := c.blindness(); reason != "" {
		lines = append(lines, "programs that could not be seen: "+reason)
	}
	return lines
}

// A difference is one thing that is not as expected. A move is one difference,
// although its two sides count as missing and as unexpected.
type difference struct {
	change   string // "moved", "replaced", "missing" or "new"
	rule     *baseline.Rule
	listener *listener
}

// differences lists what differs, the gravest first.
func (c *comparison) differences() []difference {
	var all []difference
	movedRule, movedListener := map[int]bool{}, map[int]bool{}
	for _, m := range c.result.Moves {
		change := "moved"
		if m.Replaced {
			change = "replaced"
		}
		movedRule[m.Rule], movedListener[m.Listener] = true, true
		all = append(all, difference{change, &c.rules[m.Rule], c.listed[m.Listener]})
	}
	for _, i := range c.result.Missing {
		if !movedRule[i] {
			all = append(all, difference{change: "missing", rule: &c.rules[i]})
		}
	}
	for _, n := range c.result.Unexpected {
		if !movedListener[n] {
			all = append(all, difference{change: "new", listener: c.listed[n]})
		}
	}
	return all
}

func (d *difference) text(c *comparison, call *plugin.Call) string {
	switch d.change {
	case "moved":
		return fmt.Sprintf("moved: %s (%s) is now %s", d.rule.String(), d.rule.Origin, c.describe(d.listener, call.Env.Now()))
	case "replaced":
		return fmt.Sprintf("replaced: %s (%s) is now %s", d.rule.String(), d.rule.Origin, c.describe(d.listener, call.Env.Now()))
	case "missing":
		return fmt.Sprintf("missing: %s (%s)", d.rule.String(), d.rule.Origin) + c.nearby(&d.rule.Place)
	default:
		return "new: " + c.describe(d.listener, call.Env.Now())
	}
}

// nearby says what listens on the port of a missing place, but not there.
func (c *comparison) nearby(p *baseline.Place) string {
	for i := range c.listed {
		l := c.listed[i]
		if port := l.Local.Port(); l.Protocol != p.Protocol || port < p.Low || port > p.High {
			continue
		}
		switch {
		case p.Scope == baseline.Wildcard && l.V6Only:
			return ": only " + l.name() + " listens, which takes no IPv4"
		case p.Scope == baseline.Public && !l.Local.Addr().IsLoopback() && l.Loopback:
			return ": only " + l.name() + " listens on that port, bound to device lo"
		case !p.Matches(&l.Listener):
			return ": only " + l.name() + " listens on that port"
		}
	}
	return ""
}
