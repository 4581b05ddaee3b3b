package munin

import (
	"slices"
	"time"
)

// A Field is one of a graph's fields that nobody can list beforehand: a peer,
// a process. Every field that a graph ever had is a file for ever on the
// master, so the set has to be remembered between runs and to change slowly.
type Field struct {
	// Name is the field's name, [a-z][a-z0-9_]*; Label is its legend.
	Name, Label string
	// Seen is when the field last had a value of its own.
	Seen time.Time
}

// Stale is how long a field keeps its place without being seen.
const Stale = 7 * 24 * time.Hour

// MergeFields returns the fields that a graph has now: those of known, in
// their order, and behind them those of now that there is room for, up to max
// in all. The fields of now come largest first. Where there is no room, a
// field that has not been seen for a time of [Stale] gives up its place to a
// new one; the others are part of "other" until then.
func MergeFields(known, now []Field, max int) []Field {
	fields := slices.Clone(known)
	if len(fields) > max {
		fields = fields[:max]
	}
	var fresh []Field
	for _, f := range now {
		if i := indexOf(fields, f.Name); i >= 0 {
			fields[i] = f
		} else if indexOf(fresh, f.Name) < 0 {
			fresh = append(fresh, f)
		}
	}
	for _, f := range fresh {
		if len(fields) >= max {
			i := stalest(fields, f.Seen)
			if i < 0 {
				break
			}
			fields = slices.Delete(fields, i, i+1)
		}
		fields = append(fields, f)
	}
	return fields
}

func indexOf(fields []Field, name string) int {
	return slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
}

// stalest returns the field that has not been seen for longest, or -1 where
// each was seen lately.
func stalest(fields []Field, now time.Time) int {
	oldest := -1
	for i := range fields {
		if now.Sub(fields[i].Seen) >= Stale && (oldest < 0 || fields[i].Seen.Before(fields[oldest].Seen)) {
			oldest = i
		}
	}
	return oldest
}
