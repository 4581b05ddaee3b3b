package report

import (
	"fmt"
	"testing"
)

// Every group has one metric or is in the rest: whatever is handed out, the sum
// stays.
func TestRanking(t *testing.T) {
	ranked := []Counted[string]{{"a", 50}, {"b", 20}, {"c", 20}, {"d", 5}, {"e", 1}}
	r := Rank(ranked, func(group string, n uint64, open bool) Metric {
		return Metric{Name: group, Value: Count(n), Open: open}
	})
	label := func(group string) string { return "label_" + group }
	absent := Metric{Name: "absent", Value: Count(0)}
	metrics := []Metric{r.Named("b", 20), r.Named("z", 0), r.Labelled("label_d", label, absent), r.Labelled("label_b", label, absent)}
	if rest := r.Rest(); rest != 71 {
		t.Errorf("before the top the rest is %d, want 71", rest)
	}
	metrics = append(metrics, r.Top(2)...)
	got := ""
	for _, m := range metrics {
		got += fmt.Sprint(m.Name, " ", m.Value, " ", m.Open, "; ")
	}
	if want := "b 20 false; z 0 false; d 5 false; absent 0 false; a 50 true; c 20 true; "; got != want {
		t.Errorf("metrics are %q, want %q", got, want)
	}
	if rest := r.Rest(); rest != 1 {
		t.Errorf("the rest is %d, want 1", rest)
	}
	if more := r.Top(9); len(more) != 1 || r.Rest() != 0 {
		t.Errorf("%d groups are left and a rest of %d, want 1 and 0", len(more), r.Rest())
	}
	if sum := Sum(ranked); sum != 96 {
		t.Errorf("the sum is %d, want 96", sum)
	}
}
