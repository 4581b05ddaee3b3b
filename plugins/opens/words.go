package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
)

// spell writes a duration in its two largest units: 5s, 1m30s, 2d4h.
func spell(d time.Duration) string {
	units := []struct {
		name   string
		length time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
	if d >= time.Minute {
		d = d.Round(time.Second)
	}
	for i, u := range units {
		if d < u.length {
			continue
		}
		if u.length == time.Second {
			return strconv.FormatFloat(float64(d/(100*time.Millisecond))/10, 'f', -1, 64) + "s"
		}
		text := fmt.Sprintf("%d%s", d/u.length, u.name)
		if next := units[i+1]; d%u.length >= next.length {
			text += fmt.Sprintf("%d%s", d%u.length/next.length, next.name)
		}
		return text
	}
	return fmt.Sprintf("%dms", max(d, 0)/time.Millisecond)
}

func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatUint(n, 10) + " " + noun + "s"
}

// methodWords is what a method has to add to every number.
func methodWords(m opens.Method) string {
	if m == opens.NFT {
		return " (answered SYNs, nft)"
	}
	return ""
}

// when is a moment for a person.
func when(t time.Time) string { return t.Format("2006-01-02 15:04:05") }
