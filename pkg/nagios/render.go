package nagios

import (
	"github.com/sockcensus/sockcensus/pkg/report"
)

// OutputLimit is how many bytes of output every monitoring system carries:
// Nagios 4 was seen to cut beyond it.
const OutputLimit = 8 << 10

// Render returns the output of a check and the exit code that goes with it.
// With verbose above zero the report's trace is part of the long text.
//
// The caller refuses options that make more performance data than
// [PerfdataLimit]; items that would not fit are left out.
func Render(r *report.Report, verbose int) (output []byte, exit int) {
	status := r.Status()
	out := make([]byte, 0, 1024)
	out = append(out, heading(r.Plugin, status)...)
	line, left := words(r, status)
	out = append(out, line...)
	bar := len(out)
	out = appendPerfdata(append(out, " |"...), r, PerfdataLimit)
	if len(out) == bar+len(" |") {
		out = out[:bar]
	}
	out = append(out, '\n')
	return appendLongText(out, r, left, verbose), status.ExitCode()
}
