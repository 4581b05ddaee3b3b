package testhost

import (
	"path/filepath"
	"strings"
)

// MuninScales are the pictures that munin-graph draws of each service.
var MuninScales = []string{"day", "week", "month", "year"}

// Publish judges all values by their limits, makes the pages of all services and
// draws their pictures: munin-limits, munin-html and munin-graph, as munin-cron
// runs them after an update. It fails the test at anything on their output or in
// their logs that reports trouble, and returns the directory of the node's pages;
// a service's pictures are SERVICE-SCALE.png there.
func (m *MuninMaster) Publish() string {
	m.t.Helper()
	m.quietly("munin-limits", "--config", m.config)
	m.quietly("munin-html", "--config", m.config)
	m.quietly("munin-graph", "--cron", "--config", m.config)
	return filepath.Join(m.dir, "html", muninGroup, m.Node.Host)
}

// quietly runs a program of the master that must find nothing to complain about.
func (m *MuninMaster) quietly(name string, args ...string) {
	m.t.Helper()
	result := m.perl(name, args...)
	log := m.newLog(name + ".log")
	if lines := suspiciousLines(log); result.Code != 0 || result.Stdout+result.Stderr != "" || len(lines) > 0 {
		m.t.Errorf("%s complained: %s\nits log:\n%s", name, result, strings.Join(lines, "\n"))
	}
}

// Alarms are the fields beyond their limits, as munin-limits left them for the
// pages when it ran last: "SERVICE FIELD warning", critical or unknown.
func (m *MuninMaster) Alarms() []string {
	m.t.Helper()
	var fields []string
	for line := range strings.Lines(readLog(filepath.Join(m.dir, "db", "limits"))) {
		words := strings.Split(strings.TrimSpace(line), ";")
		state, ok := strings.CutPrefix(words[len(words)-1], "state ")
		if ok && len(words) >= 3 && state != "ok" {
			fields = append(fields, words[len(words)-3]+" "+words[len(words)-2]+" "+state)
		}
	}
	return fields
}
