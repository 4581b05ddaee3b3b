package threshold

import (
	"math"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// maxText bounds what Parse looks at, and maxDigits how long a number may be
// when it is written without an exponent: thresholds are printed into every
// line of performance data.
const (
	maxText   = 128
	maxDigits = 32
)

// Parse reads one range: [@]start:end. Numbers are decimal and may have a
// fraction and an exponent. An absent start is 0, an absent end is infinite;
// "~" and "-inf" as start and "inf" as end say so aloud. A number alone is the
// end. Blanks around the range are ignored.
//
// Whatever could not have been meant is an error of type *[RangeError]: a start
// greater than the end, a colon alone, and "@~:", which would always alert.
func Parse(text string) (Range, error) {
	if len(text) > maxText {
		return Range{}, bad(text, "it is too long")
	}
	body, inside := strings.CutPrefix(strings.Trim(text, " \t"), "@")
	first, second, colon := strings.Cut(body, ":")
	if !colon {
		first, second = "", first
	}
	if first == "" && second == "" {
		return Range{}, bad(text, "there is no number in it")
	}
	start, reason := parseEnd(first, 0)
	if reason != "" {
		return Range{}, bad(text, reason)
	}
	end, reason := parseEnd(second, math.Inf(1))
	if reason != "" {
		return Range{}, bad(text, reason)
	}
	if second == "~" {
		return Range{}, bad(text, "~ stands for no lower end and comes before the colon")
	}
	return check(text, Range{start: start, end: end, inside: inside, set: true})
}

// MustParse is Parse for ranges written in the program, such as defaults. It
// panics on an error.
func MustParse(text string) Range {
	r, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return r
}

// check refuses ranges that are well written and cannot have been meant.
func check(text string, r Range) (Range, error) {
	switch {
	case r.start > r.end:
		return Range{}, bad(text, "start "+number(r.start)+" is greater than end "+number(r.end)+
			hintEnd(r))
	case math.IsInf(r.start, 1) || math.IsInf(r.end, -1):
		return Range{}, bad(text, "no number lies in it")
	case r.inside && r.StartInfinite() && r.EndInfinite():
		return Range{}, bad(text, "it would always alert, and without the @ it never would")
	}
	return r, nil
}

// hintEnd helps with "-5", which reads as from 0 to -5.
func hintEnd(r Range) string {
	if r.start != 0 || math.IsInf(r.end, -1) {
		return ""
	}
	end := number(r.end)
	return " (a number alone is the end of a range from 0; ~:" + end + " alerts above it, " + end + ": below it)"
}

// parseEnd reads one end of a range; reason is empty when that went well.
func parseEnd(text string, absent float64) (value float64, reason string) {
	switch strings.ToLower(text) {
	case "":
		return absent, ""
	case "~", "-inf":
		return math.Inf(-1), ""
	case "inf", "+inf":
		return math.Inf(1), ""
	}
	if strings.Trim(text, "0123456789.eE+-") != "" {
		return 0, quote.Text(text) + " is not a number"
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(value, 0) {
		return 0, quote.Text(text) + " is not a number"
	}
	if err != nil || len(number(value)) > maxDigits {
		return 0, quote.Text(text) + " has more digits than a threshold can have"
	}
	return value + 0, "" // -0 + 0 is 0, so that equal ranges are equal
}

func number(value float64) string {
	return strconv.FormatFloat(value, 'f', -1, 64)
}
