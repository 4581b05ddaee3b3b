package dist

import "strings"

// A muninField is what the table says about a field, or about all fields whose
// name begins so.
type muninField struct {
	name, value string
}

// fields takes the table's values apart.
func (g *muninGraph) fields() []muninField {
	var all []muninField
	for word := range strings.FieldsSeq(g.values) {
		name, value, _ := strings.Cut(word, "=")
		all = append(all, muninField{name, value})
	}
	return all
}

// isOf reports whether a field of the table is about a name. A name in full goes
// before the beginning of one.
func (g *muninGraph) isOf(f muninField, name string) bool {
	beginning, open := strings.CutSuffix(f.name, "*")
	if !open {
		return f.name == name
	}
	for _, other := range g.fields() {
		if other.name == name {
			return false
		}
	}
	return strings.HasPrefix(name, beginning)
}

// differ compares the names of fields with the table.
func (g *muninGraph) differ(got map[string]string) (missing, more []string) {
	known := map[string]bool{}
	for _, f := range g.fields() {
		any := false
		for name := range got {
			if g.isOf(f, name) {
				any, known[name] = true, true
			}
		}
		if !any {
			missing = append(missing, f.name)
		}
	}
	for name := range got {
		if !known[name] {
			more = append(more, name)
		}
	}
	return missing, more
}

// counts reports whether rounds add something to the graph that is known.
func (g muninGraph) counts() bool { return strings.Contains(g.values, "+") }

// rises are the counters among the fields, and what each round adds.
func (g *muninGraph) rises(got map[string]string) map[string]string {
	all := map[string]string{}
	for _, f := range g.fields() {
		rise, ok := strings.CutPrefix(f.value, "+")
		for name := range got {
			if ok && g.isOf(f, name) {
				all[name] = rise
			}
		}
	}
	return all
}
