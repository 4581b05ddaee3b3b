package nagios

import (
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// PerfdataLimit is how many bytes of performance data fit beside words and long
// text in the 8 KiB that every monitoring system carries whole.
const PerfdataLimit = 6 << 10

// PerfdataSize returns how many bytes of performance data a report can make.
// A value that is not known now is counted at its longest, so that the answer
// depends on the options of a check rather than on the hour.
func PerfdataSize(r *report.Report) int {
	const longest = len("18446744073709551615")
	var item [128]byte
	size := 0
	for m := range r.Metrics() {
		if m.Open {
			continue
		}
		size += 1 + len(appendItem(item[:0], m)) - len(m.Value.String()) + longest
	}
	return max(0, size-1)
}

// appendPerfdata adds the performance data of every known metric, each after a
// blank. Items beyond limit bytes are left out whole.
func appendPerfdata(b []byte, r *report.Report, limit int) []byte {
	start := len(b)
	for m := range r.Metrics() {
		if m.Open || !m.Value.IsKnown() {
			continue
		}
		end := len(b)
		b = appendItem(append(b, ' '), m)
		if len(b)-start > limit {
			return b[:end]
		}
	}
	return b
}

// appendItem adds label=value[UOM];warn;crit;min;max. All four semicolons are
// always there: absent parts are empty.
func appendItem(b []byte, m *report.Metric) []byte {
	b = append(b, label(m.Name)...)
	b = append(b, '=')
	b = append(b, m.Value.String()...)
	b = append(b, unit(m)...)
	b = append(b, ';')
	b = appendRange(b, m.Threshold.Warning)
	b = append(b, ';')
	b = appendRange(b, m.Threshold.Critical)
	b = append(b, ';')
	b = appendBound(b, m.Min)
	b = append(b, ';')
	return appendBound(b, m.Max)
}

func appendRange(b []byte, r threshold.Range) []byte { return append(b, r.String()...) }

func appendBound(b []byte, v report.Value) []byte {
	if !v.IsKnown() {
		return b
	}
	return append(b, v.String()...)
}

func unit(m *report.Metric) string {
	if m.Kind == report.Counter {
		return "c"
	}
	switch m.Unit {
	case report.Seconds, report.Percent, report.Bytes:
		return string(m.Unit)
	default:
		return ""
	}
}

// label returns the metric's name, which is a label already unless a plugin
// made a mistake: no report can spoil the line for the other labels.
func label(name string) string {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return report.Label("", name)
		}
	}
	if name == "" {
		return report.Label("", name)
	}
	return name
}
