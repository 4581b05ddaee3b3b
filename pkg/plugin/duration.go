package plugin

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// durationUnits are the units of ParseDuration, longest spelling first.
var durationUnits = [...]struct {
	suffix string
	length time.Duration
}{
	{"ms", time.Millisecond},
	{"s", time.Second},
	{"m", time.Minute},
	{"h", time.Hour},
	{"d", 24 * time.Hour},
	{"w", 7 * 24 * time.Hour},
}

// ParseDuration returns the duration that option was given: a number with one
// of the units ms s m h d w, or a bare number of seconds.
func ParseDuration(option, text string) (time.Duration, error) {
	digits, unit := text, time.Second
	for _, u := range durationUnits {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			digits, unit = rest, u.length
			break
		}
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || n < 0 || strings.ContainsAny(digits, "eExXpPnNiI_+") || n*float64(unit) >= math.MaxInt64 {
		return 0, Usagef("%s %s is not a duration: use a number with ms, s, m, h, d or w, such as 8s", option, quote.Text(text))
	}
	return time.Duration(n * float64(unit)), nil
}

// formatDuration writes a duration as ParseDuration reads it, in plain ASCII.
func formatDuration(d time.Duration) string {
	unit, suffix := time.Second, "s"
	if d < time.Second {
		unit, suffix = time.Millisecond, "ms"
	}
	return strconv.FormatFloat(float64(d)/float64(unit), 'f', -1, 64) + suffix
}
