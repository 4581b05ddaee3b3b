package main

import (
	"bufio"
	"fmt"
	"io"
)

// flows is what a namespace's connection-tracking table holds: half of it
// established TCP, a tenth TCP that has ended, the rest DNS, all of them IPv4.
type flows int

func (n flows) established() int64 { return int64((n/10)*5 + min(n%10, 5)) }

// write writes the flows in the form that conntrack --load-file reads.
func (n flows) write(to io.Writer) error {
	w := bufio.NewWriter(to)
	for i := range int(n) {
		client := fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)
		port := 1024 + i%60_000
		switch kind := i % 10; {
		case kind < 5:
			fmt.Fprintf(w, "-A -s %s -d 192.0.2.1 -p tcp --sport %d --dport 443 --state ESTABLISHED -u SEEN_REPLY,ASSURED -t 36000\n", client, port)
		case kind == 5:
			fmt.Fprintf(w, "-A -s %s -d 192.0.2.1 -p tcp --sport %d --dport 443 --state TIME_WAIT -u SEEN_REPLY,ASSURED -t 36000\n", client, port)
		default:
			fmt.Fprintf(w, "-A -s %s -d 192.0.2.53 -p udp --sport %d --dport 53 -t 36000\n", client, port)
		}
	}
	return w.Flush()
}

// flowsQuestions ask for one family and for both, of each side the same: where
// no family is given, conntrack -L lists both, other than its manual says. The
// kernel's filter takes one family a dump, so for both there are two.
func flowsQuestions(bin string, n flows) []question {
	target := 0.0
	if n >= largeSize {
		target = 0.62
	}
	established := []string{"--protocol", "tcp", "--state", "established"}
	return []question{{
		name: "conntrack", title: "tracked TCP flows established, IPv4", target: target,
		truth: answer{"total": n.established()},
		sides: []side{
			plugin(bin, "flows", "check_conntrack", append(established, "-4")...),
			shell(`conntrack -L -f ipv4 -p tcp --state ESTABLISHED 2>/dev/null | wc -l`, oneNumber, "conntrack", "wc"),
		},
	}, {
		name: "conntrack", title: "tracked TCP flows established, both families", target: target,
		truth: answer{"total": n.established()},
		sides: []side{
			plugin(bin, "flows", "check_conntrack", established...),
			shell(`conntrack -L -p tcp --state ESTABLISHED 2>/dev/null | wc -l`, oneNumber, "conntrack", "wc"),
			// What Munin's fw_conntrack reads.
			shell(`{ conntrack -L -o extended -f ipv4; conntrack -L -o extended -f ipv6; } 2>/dev/null | grep -c ESTABLISHED`, oneNumber, "conntrack", "grep"),
		},
	}}
}
