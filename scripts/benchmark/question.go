package main

import (
	"path/filepath"
	"slices"
	"strings"
)

// side is one command that answers a question.
type side struct {
	name  string   // as the table shows it
	argv  []string // the command, or sh -c and the line
	needs []string // programs that the line uses
	read  func(output string) (answer, error)
	idle  bool // runs in the idle namespace instead of the busy one
}

// question is asked of several commands in turn. The first side is ours.
type question struct {
	name   string
	title  string
	truth  answer  // what every side has to answer; nil where the sides' namespaces differ
	target float64 // highest time ratio of the first side to the second, 0 = none
	once   bool    // does not depend on the number of connections
	alone  bool    // asked before the idle namespace is made
	sides  []side
}

// questionNames are the values of BENCH_ONLY.
var questionNames = []string{"port", "states", "idle", "listeners", "list", "conntrack"}

// largeSize is from where the targets hold for questions whose answer depends on
// the number of connections; below it the start of the processes is the cost.
const largeSize = 100_000

// asks is whether the question is wanted.
func (s *settings) asks(name string) bool {
	return len(s.only) == 0 || slices.Contains(s.only, name)
}

// questions are all there are to ask a namespace with these sockets.
func questions(s *settings, p population) []question {
	target := func(ratio float64) float64 {
		if p.connections < largeSize {
			return 0
		}
		return ratio
	}
	all := []question{
		statesQuestion(s.bin, p, target(0.10)),
		portQuestion(s.bin, p, target(0.45)),
		statesBesideQuestion(s.bin, p),
		idleQuestion(s.bin),
		listenersQuestion(s.bin, target(1.5)),
		listQuestion(s.bin, p),
	}
	return slices.DeleteFunc(all, func(q question) bool { return !s.asks(q.name) })
}

const ssPort = `ss -Htn state established '( sport = :443 )' | wc -l`

func portQuestion(bin string, p population, target float64) question {
	return question{
		name: "port", title: "established on port 443", target: target,
		truth: answer{"total": int64(p.matching)},
		sides: []side{
			plugin(bin, "total", "check_connections", "-p", "443"),
			shell(ssPort, oneNumber, "ss", "wc"),
			// The second colon keeps out the other ends of the connections, whose peer port is 443.
			shell(`netstat -tn | grep ':443 .*:.*ESTABLISHED' | wc -l`, oneNumber, "netstat", "grep", "wc"),
			shell(`cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == "01" && $2 ~ /:01BB$/ {n++} END {print n+0}'`, oneNumber, "cat", "awk"),
		},
	}
}

// statesQuestion is asked while no other namespace has TCP sockets: then the
// kernel's counters prove that no socket is bound and nothing more, which else
// takes a walk of its own. ss 6.1 does not look for such sockets.
func statesQuestion(bin string, p population, target float64) question {
	ours := plugin(bin, "", "check_connections", "--by", "state")
	ours.read = checkStates
	return question{
		name: "states", title: "all sockets by state", alone: true, target: target, truth: p.states(),
		sides: []side{
			ours,
			shell(`ss -Htan | awk '{n[$1]++} END {for (s in n) print s, n[s]}'`, stateLines, "ss", "awk"),
		},
	}
}

// statesBesideQuestion is the same beside a namespace with sockets of its own, as
// a container is.
func statesBesideQuestion(bin string, p population) question {
	q := statesQuestion(bin, p, 0)
	q.title, q.alone = "all sockets by state, beside a container", false
	return q
}

// idleQuestion is the same command on a host without connections: what the start
// of the processes costs.
func idleQuestion(bin string) question {
	q := question{
		name: "idle", title: "established on port 443, idle host", target: 0.7, once: true, truth: answer{"total": 0},
		sides: []side{plugin(bin, "total", "check_connections", "-p", "443"), shell(ssPort, oneNumber, "ss", "wc")},
	}
	for i := range q.sides {
		q.sides[i].idle = true
	}
	return q
}

// listenersQuestion compares one command with itself on an idle host, which has
// the same listening sockets.
func listenersQuestion(bin string, target float64) question {
	busy := plugin(bin, "listening", "check_listeners")
	idle := busy
	idle.name, idle.idle = "the same, idle host", true
	return question{name: "listeners", title: "accept queues of all listeners", target: target, sides: []side{busy, idle}}
}

// listQuestion is every socket as a line, counted.
func listQuestion(bin string, p population) question {
	ours := shell(filepath.Join(bin, "connections")+` list -a --format csv | awk 'END {print NR-1}'`, oneNumber, "connections", "awk")
	ours.name = strings.TrimPrefix(ours.name, bin+"/")
	return question{
		name: "list", title: "list of all sockets", truth: answer{"total": int64(p.sockets())},
		sides: []side{
			ours,
			shell(`ss -Htan | wc -l`, oneNumber, "ss", "wc"),
		},
	}
}

// plugin is one of ours, started as Nagios does: without a shell. metricName is
// the number that answers the question.
func plugin(bin, metricName, name string, args ...string) side {
	s := side{name: name, argv: append([]string{filepath.Join(bin, name)}, args...), read: metric(metricName)}
	for _, a := range args {
		s.name += " " + a
	}
	return s
}

// shell is a line that people and plugins in shell use.
func shell(line string, read func(string) (answer, error), needs ...string) side {
	return side{name: line, argv: []string{"sh", "-c", line}, read: read, needs: needs}
}
