package main

import (
	"fmt"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
)

// describe says in a few words which flows a selection picks, as in "652 tcp
// established flows to port 443".
func (o *flowSelection) describe(total uint64) string {
	words := []string{fmt.Sprint(total)}
	for _, values := range [][]string{o.Protocol, o.State, o.Status} {
		if values := plugin.Words(values); len(values) > 0 {
			words = append(words, strings.ToLower(shortened(values, "/")))
		}
	}
	if total == 1 {
		words = append(words, "flow")
	} else {
		words = append(words, "flows")
	}
	for _, part := range []struct {
		preposition string
		values      []string
	}{
		{"from", o.Src}, {"from port", o.Sport}, {"to", o.Dst}, {"to port", o.Dport},
		{"with mark", o.Mark}, {"in zone", o.Zone},
	} {
		if values := plugin.Words(part.values); len(values) > 0 {
			words = append(words, part.preposition+" "+shortened(values, ", "))
		}
	}
	if len(o.ReplySrc)+len(o.ReplyDst)+len(o.ReplySport)+len(o.ReplyDport) > 0 {
		words = append(words, "as selected")
	}
	return strings.Join(words, " ")
}

// shortened lists values, of a long list only the first.
func shortened(values []string, separator string) string {
	const most = 5
	if len(values) <= most {
		return strings.Join(values, separator)
	}
	return fmt.Sprintf("%s and %d more", strings.Join(values[:most], separator), len(values)-most)
}
