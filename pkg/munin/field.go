package munin

import (
	"math"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// appendField adds the attributes of one field.
func appendField(b []byte, m *report.Metric, source string) []byte {
	name := fieldName(m.Name)
	label := attribute(m.Label)
	if label == "" {
		label = name
	}
	b = appendLine(b, name+".label", label)
	b = appendLine(b, name+".info", attribute(m.Help))
	if m.Kind == report.Counter {
		b = appendLine(b, name+".type", "DERIVE")
		b = appendLine(b, name+".min", "0")
	} else {
		b = appendLine(b, name+".type", "GAUGE")
	}
	b = appendLine(b, name+".draw", draw(m.Draw))
	b = appendLimit(b, name+".warning", m.Threshold.Warning)
	b = appendLimit(b, name+".critical", m.Threshold.Critical)
	if source != "" {
		b = appendLine(b, name+".extinfo", attribute("source: "+source))
	}
	return b
}

func draw(d report.Draw) string {
	if d == report.Stack {
		return "AREASTACK"
	}
	return "LINE1"
}

// fieldName returns the name of a metric's field, which the metric's own name
// is unless a plugin made a mistake. Munin replaces a leading digit, so that
// 80 and 90 would be one field, and keeps "root" for itself.
func fieldName(name string) string {
	if !isName(name) {
		return report.Label("f_", name)
	}
	if name == "root" {
		return "root_"
	}
	return name
}

func appendValues(b []byte, g *report.Graph) []byte {
	for m := range g.Metrics {
		b = appendLine(b, fieldName(g.Metrics[m].Name)+".value", value(&g.Metrics[m]))
	}
	return b
}

// value prints a metric's value. DERIVE takes whole numbers only.
func value(m *report.Metric) string {
	text := m.Value.String()
	f, known := m.Value.Float()
	if m.Kind != report.Counter || !known || isWhole(text) {
		return text
	}
	return strconv.FormatFloat(math.Trunc(f), 'f', 0, 64)
}

func isWhole(text string) bool {
	_, err := strconv.ParseUint(text, 10, 64)
	return err == nil
}

// appendLimit adds a threshold in Munin's own syntax, or a comment where that
// has no word for it.
func appendLimit(b []byte, attribute string, r threshold.Range) []byte {
	if !r.IsSet() || !r.Inside() && r.StartInfinite() && r.EndInfinite() {
		return b
	}
	if r.Inside() {
		return appendReason(b, attribute+" "+r.String()+" is left out: Munin has no alarm inside a range")
	}
	return appendLine(b, attribute, limitRange(r))
}

// limitRange writes a range as min:max. Munin knows neither "~" nor that "10"
// begins at zero.
func limitRange(r threshold.Range) string {
	var low, high string
	if !r.StartInfinite() {
		low = strconv.FormatFloat(r.Start(), 'f', -1, 64)
	}
	if !r.EndInfinite() {
		high = strconv.FormatFloat(r.End(), 'f', -1, 64)
	}
	return low + ":" + high
}
