package main

import (
	"testing"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// The words never name a state that is not counted.
func TestDescribe(t *testing.T) {
	tcp := func(states ...sock.State) []scan.Table {
		return []scan.Table{{Protocol: sock.TCP, States: sock.StatesOf(states...)}}
	}
	all := []scan.Table{{Protocol: sock.TCP, States: sock.AllStates}}
	tests := []struct {
		name    string
		total   uint64
		options selection.Options
		tables  []scan.Table
		want    string
	}{
		{"default", 3, selection.Options{Port: []string{"443"}}, tcp(sock.Established), "3 established to port 443"},
		{"by state", 3, selection.Options{}, all, "3 sockets"},
		{"one", 1, selection.Options{}, all, "1 socket"},
		{"state in a filter", 3, selection.Options{Filter: []string{"state time-wait"}}, tcp(sock.TimeWait), "3 time-wait as selected"},
		{"group", 3, selection.Options{State: []string{"connected"}}, []scan.Table{{Protocol: sock.TCP, States: sock.Connected}}, "3 connected"},
		{"group narrowed", 3, selection.Options{State: []string{"connected"}, Exclude: []string{"established"}},
			[]scan.Table{{Protocol: sock.TCP, States: sock.Connected &^ sock.StatesOf(sock.Established)}}, "3 sockets"},
		{"excluded", 3, selection.Options{Exclude: []string{"time-wait"}}, []scan.Table{{Protocol: sock.TCP, States: sock.AllStates &^ sock.StatesOf(sock.TimeWait)}}, "3 sockets"},
		{"protocols that differ", 3, selection.Options{Protocol: []string{"tcp", "udp"}},
			append(tcp(sock.Established), scan.Table{Protocol: sock.UDP, States: sock.AllStates}), "3 tcp/udp sockets"},
		{"empty values", 3, selection.Options{Filter: []string{""}, Peer: []string{""}}, tcp(sock.Established), "3 established"},
		{"a process with a comma", 0, selection.Options{Process: []string{"python3,foo", "sshd"}}, tcp(sock.Established), `0 established of process "python3,foo", sshd`},
		{"many peers", 3, selection.Options{Peer: []string{"::1,::2,::3,::4,::5,::6"}}, tcp(sock.Established), "3 established from ::1, ::2, ::3, ::4, ::5 and 1 more"},
	}
	for _, tt := range tests {
		if got := describe(report.Count(tt.total), &tt.options, tt.tables); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
