package main

import (
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
	"github.com/sockcensus/sockcensus/scripts/testnet"
)

// TestPicture makes the README's picture: ten hours of real connections in a few
// minutes, collected by munin-update under a clock of its own, drawn by munin-graph.
//
//	PICTURES=$PWD/plugins/opens go test ./plugins/opens -run TestPicture
func TestPicture(t *testing.T) {
	pictures := os.Getenv("PICTURES")
	if pictures == "" {
		t.Skip("set PICTURES to a directory to draw the README's picture")
	}
	l, tr := newLab(t), testnet.NewAccepted()
	l.on()
	tr.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
	peers := testnet.Addresses("10.66.0.0", 40)
	connect := func(peer []netip.Addr, n float64) {
		testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: peer, N: int(n)}.Run(t, l.Client)
	}
	for i, peer := range peers[:4] {
		connect([]netip.Addr{peer}, float64(400-90*i))
	}
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: l.Server, Host: "game.example"})
	node.Conf("[opens_*]\nenv.bpffs " + l.bpffs() + "\nenv.top 4\n")
	node.Link("opens_peers_4711", testhost.Binary(t, "opens_"))
	node.Start()
	master := testhost.NewMuninMaster(t, node)
	const rounds = 120
	master.Clock = time.Now().Add(-10 * time.Hour).Truncate(5 * time.Minute)
	for round := range rounds {
		day := math.Sin(math.Pi * float64(round) / rounds)
		for i, peer := range peers[:4] {
			connect([]netip.Addr{peer}, day*float64(300-60*i)*(1+0.3*math.Sin(float64(round*(i+2))/4)))
		}
		connect(peers[4:], 60+100*day)
		if round > 80 && round < 92 { // somebody tries passwords
			connect(peers[1:2], 900)
		}
		master.Update(1)
	}
	if err := os.WriteFile(filepath.Join(pictures, "opens_peers_4711.png"), master.Graph("opens_peers_4711"), 0o644); err != nil {
		t.Fatal(err)
	}
}
