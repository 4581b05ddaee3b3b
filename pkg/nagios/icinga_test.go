package nagios

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// Icinga 2 itself reads every kind of item that a report can make. (Of a
// counter it keeps the value and forgets the unit.)
func TestIcingaReadsPerfdata(t *testing.T) {
	icinga := testhost.Need(t, "icinga2")
	none := threshold.Threshold{}
	r := total(652, limits("500", "800"),
		metric("below_zero", report.Number(-2.5), limits("-5:5", "")),
		metric("inside", report.Number(0.000001), limits("@10:20", "~:5")),
		metric("huge", report.Number(1e15), none),
		report.Metric{Name: "used_percent", Unit: report.Percent, Value: report.Number(85.5), Min: report.Count(0), Max: report.Count(100), Threshold: limits("80", "90")},
		report.Metric{Name: "oldest", Unit: report.Seconds, Value: report.Count(90)},
		report.Metric{Name: "memory", Unit: report.Bytes, Value: report.Count(4096)},
		report.Metric{Name: "drops", Kind: report.Counter, Value: report.Count(1 << 52)},
		group("peer", "ip_2001_db8_0_0_0_0_0_1", "2001:db8::1", 7, none),
	)
	out, _ := Render(r, 0)
	items := mustParse(t, out).perfdata
	if len(items) != 9 {
		t.Fatalf("%d items: %s", len(items), out)
	}
	_, line, _ := strings.Cut(strings.TrimSpace(string(out)), " | ")
	for i, want := range strings.Fields(line) {
		got := askIcinga(t, icinga, want)
		if got.Label != items[i].label || fmt.Sprintf("%f", got.Value) != fmt.Sprintf("%f", float(t, items[i].value)) {
			t.Errorf("%s is read as %+v", want, got)
		}
		if units := map[string]string{"": "", "c": "", "s": "seconds", "%": "percent", "B": "bytes"}; got.Unit != units[items[i].unit] {
			t.Errorf("%s: the unit is read as %q", want, got.Unit)
		}
		// Icinga keeps thresholds that are plain numbers and drops the rest.
		for _, limit := range [][2]any{{items[i].warning, got.Warn}, {items[i].critical, got.Crit}, {items[i].min, got.Min}, {items[i].max, got.Max}} {
			text := limit[0].(string)
			plain := text != "" && strings.Trim(text, "0123456789.") == ""
			if n, ok := limit[1].(float64); ok != plain || plain && n != float(t, text) {
				t.Errorf("%s: %q is read as %v", want, text, limit[1])
			}
		}
	}
}

type icingaItem struct {
	Label                string
	Value                float64
	Unit                 string
	Warn, Crit, Min, Max any
}

func askIcinga(t *testing.T, icinga, perfdata string) icingaItem {
	t.Helper()
	script := `var p = parse_performance_data("` + perfdata + `"); ` +
		`Json.encode({label = p.label, value = p.value, unit = p.unit, warn = p.warn, crit = p.crit, min = p.min, max = p.max})`
	out, err := exec.Command(icinga, "console", "--eval", script).Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", perfdata, err, out)
	}
	var text string
	var item icingaItem
	if err := json.Unmarshal(out, &text); err != nil {
		t.Fatalf("%s: %v: %s", perfdata, err, out)
	}
	if err := json.Unmarshal([]byte(text), &item); err != nil {
		t.Fatalf("%s: %v: %s", perfdata, err, text)
	}
	return item
}

func float(t *testing.T, text string) float64 {
	t.Helper()
	var f float64
	if _, err := fmt.Sscanf(text, "%g", &f); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return f
}
