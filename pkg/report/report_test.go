package report

import (
	"testing"

	"github.com/sockcensus/sockcensus/pkg/threshold"
)

var limit = threshold.Threshold{Warning: threshold.MustParse("5"), Critical: threshold.MustParse("10")}

func TestMetricStatus(t *testing.T) {
	tests := []struct {
		value     Value
		threshold threshold.Threshold
		want      threshold.Status
	}{
		{Count(5), limit, threshold.OK}, {Count(6), limit, threshold.Warning}, {Count(11), limit, threshold.Critical},
		{Number(10.5), limit, threshold.Critical}, {Count(11), threshold.Threshold{}, threshold.OK},
		{Unknown(), limit, threshold.Unknown}, {Unknown(), threshold.Threshold{}, threshold.OK},
		{Collecting(), limit, threshold.OK}, {Inapplicable(), limit, threshold.OK},
		{Between(6, 10), limit, threshold.Warning}, {Between(5, 6), limit, threshold.Unknown}, {AtLeast(11), limit, threshold.Critical},
		{Between(0, 5), limit, threshold.OK}, {AtLeast(0), limit, threshold.Unknown}, {AtLeast(0), threshold.Threshold{}, threshold.OK},
	}
	for _, tt := range tests {
		m := Metric{Value: tt.value, Threshold: tt.threshold}
		if got := m.Status(); got != tt.want {
			t.Errorf("%+v against %v is %v, want %v", tt.value, tt.threshold, got, tt.want)
		}
	}
}

func TestReportStatus(t *testing.T) {
	fine, warning, critical := Metric{Value: Count(1), Threshold: limit}, Metric{Value: Count(6), Threshold: limit}, Metric{Value: Count(60), Threshold: limit}
	tests := []struct {
		name     string
		metrics  []Metric
		problems []string
		want     threshold.Status
	}{
		{"nothing", nil, nil, threshold.OK},
		{"fine", []Metric{fine, fine}, nil, threshold.OK},
		{"worst wins", []Metric{warning, critical, fine}, nil, threshold.Critical},
		{"a problem", []Metric{warning}, []string{"x"}, threshold.Unknown},
		{"critical beside a problem", []Metric{critical}, []string{"x"}, threshold.Critical},
		{"unknown beside a warning", []Metric{warning, {Threshold: limit}}, nil, threshold.Unknown},
	}
	for _, tt := range tests {
		// In the second graph, which counts as well.
		r := Report{Graphs: []Graph{{Metrics: []Metric{fine}}, {Metrics: tt.metrics}}, Problems: tt.problems}
		if got := r.Status(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestMetrics(t *testing.T) {
	r := Report{Graphs: []Graph{{Metrics: []Metric{{Name: "a"}, {Name: "b"}}}, {}, {Metrics: []Metric{{Name: "c"}}}}}
	var names string
	for m := range r.Metrics() {
		names += m.Name
		m.Label = "seen" // it is the metric itself, not a copy
	}
	if names != "abc" || r.Graphs[2].Metrics[0].Label != "seen" {
		t.Errorf("%q, %+v", names, r)
	}
	for m := range r.Metrics() {
		if m.Name == "b" {
			break
		}
	}
}

func TestForget(t *testing.T) {
	r := Report{Graphs: []Graph{{Metrics: []Metric{{Name: "a", Label: "A", Value: Count(1), Min: Count(0)}}}}, Problems: []string{"first"}}
	r.Forget("second")
	m := r.Graphs[0].Metrics[0]
	if m.Value.IsKnown() || m.Label != "A" || !m.Min.IsKnown() || len(r.Problems) != 2 || r.Problems[1] != "second" || r.Status() != threshold.Unknown {
		t.Errorf("%+v", r)
	}
}
