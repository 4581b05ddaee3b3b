package scan

import (
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

func TestSplitPorts(t *testing.T) {
	local := filter.Port{Side: filter.Local, Op: filter.Equal, Port: 443}
	peer := filter.Port{Side: filter.Peer, Op: filter.Equal, Port: 50000}
	other := filter.Port{Side: filter.Local, Op: filter.Equal, Port: 80}
	above := filter.Port{Side: filter.Local, Op: filter.Greater, Port: 1023}
	tests := []struct {
		name        string
		expr        filter.Expr
		local, peer uint16
		rest        string
	}{
		{"nothing", nil, 0, 0, ""},
		{"one local port", local, 443, 0, ""},
		{"one of each", filter.And{Left: local, Right: peer}, 443, 50000, ""},
		{"a port and more", filter.And{Left: above, Right: local}, 443, 0, above.String()},
		{"a contradiction stays one", filter.And{Left: local, Right: other}, 443, 0, other.String()},
		{"either port cannot be split", filter.Or{Left: local, Right: other}, 0, 0, filter.Or{Left: local, Right: other}.String()},
		{"neither can its negation", filter.Not{X: local}, 0, 0, filter.Not{X: local}.String()},
		{"port 0 means any in a request", filter.Port{Side: filter.Local, Op: filter.Equal}, 0, 0, filter.Port{Side: filter.Local, Op: filter.Equal}.String()},
	}
	for _, tt := range tests {
		local, peer, rest := splitPorts(tt.expr)
		text := ""
		if rest != nil {
			text = rest.String()
		}
		if local != tt.local || peer != tt.peer || text != tt.rest {
			t.Errorf("%s: splitPorts = %d, %d, %q, want %d, %d, %q", tt.name, local, peer, text, tt.local, tt.peer, tt.rest)
		}
	}
}
