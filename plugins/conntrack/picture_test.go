package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// TestPicture draws the README's graph: a day of a gateway, on which somebody
// floods it with SYNs for an hour. It takes minutes, so it only runs when
// PICTURES names the directory to write to:
//
//	PICTURES=$PWD/plugins/conntrack go test ./plugins/conntrack -run Picture
func TestPicture(t *testing.T) {
	dir := os.Getenv("PICTURES")
	if dir == "" {
		t.Skip("PICTURES is not set: the picture of the README stays as it is")
	}
	ns := tracked(t)
	inside(t, ns, "nft", "add chain inet t raw { type filter hook output priority -300; }; add rule inet t raw notrack")
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: ns, Host: "gateway.example"})
	node.Link("conntrack_states", testhost.Binary(t, "conntrack"))
	node.Conf("[conntrack_*]\nuser root\n")
	node.Start()
	master := testhost.NewMuninMaster(t, node)
	master.Clock = time.Now().Add(-24 * time.Hour).Truncate(5 * time.Minute)
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 288 {
		day := math.Sin(math.Pi*float64(round)/288) + 0.1*random.Float64()
		states := map[string]float64{
			"ESTABLISHED": 300 + 900*day, "TIME_WAIT": 120 + 500*day, "SYN_SENT": 5 + 12*day,
			"CLOSE": 10 + 30*day, "FIN_WAIT": 8 + 20*day, "CLOSE_WAIT": 4 + 10*day, "LAST_ACK": 2 + 5*day,
		}
		if round >= 200 && round < 212 {
			states["SYN_SENT"] += 400 + 200*random.Float64()
		}
		var lines []string
		for state, n := range states {
			for range int(n) {
				i := len(lines)
				lines = append(lines, fmt.Sprintf("-A -p tcp -s 10.0.%d.%d -d 192.0.2.1 --sport %d --dport 443 --state %s -t 3600", i>>8, i&255, 1024+i, state))
			}
		}
		inside(t, ns, "conntrack", "-F")
		load(t, ns, lines)
		master.Update(1)
	}
	if err := os.WriteFile(filepath.Join(dir, "conntrack_states.png"), master.Graph("conntrack_states"), 0o644); err != nil {
		t.Fatal(err)
	}
}
