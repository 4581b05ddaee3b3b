package main

import (
	"time"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
)

// moment reads a time: how long ago, or a time of day, a date, both, or
// RFC 3339. What names no zone is in that of now.
func moment(option, text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{
		time.RFC3339, "2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05",
	} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
		}
	}
	ago, err := plugin.ParseDuration(option, text)
	if err != nil {
		return time.Time{}, plugin.Usagef("%s %s is no time: use a duration such as 24h, a time such as 14:00, a date such as 2026-11-20, both as in 2026-11-20T14:00, or RFC 3339", option, quote.Text(text))
	}
	return now.Add(-ago), nil
}

// A span is the time that a report is asked about. A zero bound is none.
type span struct{ since, until time.Time }

// parseSpan reads --since and --until.
func parseSpan(since, until string, now time.Time) (s span, err error) {
	if since != "" {
		if s.since, err = moment("--since", since, now); err != nil {
			return s, err
		}
		if !s.since.Before(now) {
			return s, plugin.Usagef("--since %s is %s, which is not over yet (it is %s): nothing can have been counted since then", quote.Text(since), when(s.since), when(now))
		}
	}
	if until == "" {
		return s, nil
	}
	if s.until, err = moment("--until", until, now); err != nil {
		return s, err
	}
	if !s.since.IsZero() && !s.since.Before(s.until) {
		return s, plugin.Usagef("--until %s is %s, which is not after --since, %s", quote.Text(until), when(s.until), when(s.since))
	}
	if !s.until.Before(now) {
		s.until = time.Time{}
	}
	return s, nil
}
