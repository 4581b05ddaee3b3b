package owner

import (
	"strings"
	"testing"
)

// Where /proc lists nothing at all no mount option is to blame.
func TestReasonOfEmptyProc(t *testing.T) {
	for owners, want := range map[*Owners]string{
		{Invisible: true, empty: true}: "/proc lists no processes: mount the proc file system there",
		{Invisible: true}:              "/proc is mounted with hidepid ",
		{}:                             "",
	} {
		if got := owners.Reason(); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%+v: %q, want %q", owners, got, want)
		}
	}
}
