package nagios

import (
	"testing"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

func limits(warning, critical string) threshold.Threshold {
	var t threshold.Threshold
	if warning != "" {
		t.Warning = threshold.MustParse(warning)
	}
	if critical != "" {
		t.Critical = threshold.MustParse(critical)
	}
	return t
}

// total is a report on one default metric, as the simplest check has it.
func total(n uint64, limit threshold.Threshold, more ...report.Metric) *report.Report {
	metrics := append([]report.Metric{{
		Name: "total", Label: "total", Value: report.Count(n), Min: report.Count(0), Threshold: limit,
	}}, more...)
	return &report.Report{
		Plugin: "connections", Headline: report.Count(n).String() + " established to port 443", Default: "total",
		Graphs: []report.Graph{{Metrics: metrics}},
	}
}

func TestContractExample(t *testing.T) {
	out, code := Render(total(652, limits("500", "800")), 0)
	want := "CONNECTIONS WARNING - 652 established to port 443 (above 500) | total=652;500;800;0;\n"
	if string(out) != want || code != 1 {
		t.Errorf("got %q, %d", out, code)
	}
}
