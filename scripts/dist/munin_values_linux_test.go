package dist

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	fieldValue = regexp.MustCompile(`^(\w+)\.value (?:\d+:)?(\S+)$`)
	fieldLabel = regexp.MustCompile(`^(\w+)\.label \S`)
	aNumber    = regexp.MustCompile(`^\d+(\.\d+)?$`)
)

// valuesOf takes "FIELD.value N" lines apart, of a node or of a spool.
func valuesOf(lines []string) map[string]string {
	values := map[string]string{}
	for _, line := range lines {
		if match := fieldValue.FindStringSubmatch(line); match != nil {
			values[match[1]] = match[2]
		}
	}
	return values
}

// graphsOf splits what a link printed into its graphs.
func graphsOf(link string, lines []string) map[string][]string {
	split := map[string][]string{}
	name := link
	for _, line := range lines {
		if other, ok := strings.CutPrefix(line, "multigraph "); ok {
			name = other
		}
		split[name] = append(split[name], line)
	}
	return split
}

// configs checks that a config has all fields of the table and no complaint.
func (m *muninSuite) configs(step, link string, lines []string) {
	m.t.Helper()
	split := graphsOf(link, lines)
	for _, g := range m.graphs {
		if g.link != link {
			continue
		}
		labels := map[string]string{}
		for _, line := range split[g.name()] {
			if match := fieldLabel.FindStringSubmatch(line); match != nil {
				labels[match[1]] = ""
			}
			if strings.HasPrefix(line, "#") {
				m.t.Errorf("%s: the config of %s has %q", step, g.name(), line)
			}
		}
		for _, attribute := range []string{"graph_title ", "graph_vlabel ", "graph_category ", "graph_info "} {
			if !slices.ContainsFunc(split[g.name()], func(line string) bool { return strings.HasPrefix(line, attribute) }) {
				m.t.Errorf("%s: the config of %s has no %s", step, g.name(), attribute)
			}
		}
		if missing, more := g.differ(labels); len(missing)+len(more) > 0 {
			m.t.Errorf("%s: the config of %s lacks %q and has %q", step, g.name(), missing, more)
		}
	}
}

// values compares what a link prints with the host. Where another program tells
// the truth it is asked before and after, and both again while they differ: some
// numbers of the kernel are not of the namespace alone, and never stand still.
func (m *muninSuite) values(step, link string, ask func() []string) {
	m.t.Helper()
	told := slices.DeleteFunc(slices.Clone(m.graphs), func(g muninGraph) bool { return g.link != link })
	for try := 0; ; try++ {
		before := truths(m.muninHost, told)
		lines := ask()
		after := truths(m.muninHost, told)
		var wrong []string
		for i, g := range told {
			wrong = append(wrong, m.wrong(&g, before[i], after[i], valuesOf(graphsOf(link, lines)[g.name()]))...)
		}
		moving := slices.ContainsFunc(before, func(told map[string]uint64) bool { return told != nil })
		if len(wrong) > 0 && moving && try < 20 {
			continue
		}
		if slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "#") }) {
			wrong = append(wrong, "it complains")
		}
		if len(wrong) > 0 {
			m.t.Errorf("%s: %s: %s\n%s", step, link, strings.Join(wrong, "; "), strings.Join(lines, "\n"))
		}
		return
	}
}

func truths(h *muninHost, graphs []muninGraph) []map[string]uint64 {
	var all []map[string]uint64
	for _, g := range graphs {
		var told map[string]uint64
		if g.truth != nil {
			told = g.truth(h)
		}
		all = append(all, told)
	}
	return all
}

// wrong holds values against the table, and those of "?" against the truth
// before and after; where nobody asked for it, they have to be numbers.
func (m *muninSuite) wrong(g *muninGraph, before, after map[string]uint64, got map[string]string) (all []string) {
	m.t.Helper()
	if missing, more := g.differ(got); len(missing)+len(more) > 0 {
		all = append(all, fmt.Sprintf("%s lacks %q and has %q", g.name(), missing, more))
	}
	for _, want := range g.fields() {
		for name, value := range got {
			if g.isOf(want, name) && !m.right(want, before, after, value) {
				all = append(all, fmt.Sprintf("%s of %s is %s, want %s (%d to %d)", name, g.name(), value, want.value, before[name], after[name]))
			}
		}
	}
	return all
}

func (m *muninSuite) right(want muninField, before, after map[string]uint64, value string) bool {
	m.t.Helper()
	switch {
	case !strings.ContainsAny(want.value, "?*+"):
		return slices.Contains(strings.Split(want.value, "|"), value)
	case want.value == "?" && before != nil:
		low, high := min(before[want.name], after[want.name]), max(before[want.name], after[want.name])
		return aNumber.MatchString(value) && m.count(value) >= low && m.count(value) <= high
	default:
		return aNumber.MatchString(value)
	}
}

// count reads a counter.
func (m *muninSuite) count(text string) uint64 {
	m.t.Helper()
	return wholeNumber(m.t, text)
}
