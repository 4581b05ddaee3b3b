package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// TestPicture draws an evening of viewers. It takes minutes, so it only runs
// when PICTURE names the file to write to:
//
//	PICTURE=$PWD/plugins/clients/clients_8443.png go test ./plugins/clients -run Picture
func TestPicture(t *testing.T) {
	file := os.Getenv("PICTURE")
	if file == "" {
		t.Skip("PICTURE is not set: the picture of the README stays as it is")
	}
	th := newTheatre(t)
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: th.ns, Host: "stream.example"})
	node.Link("clients_8443", testhost.Binary(t, "clients"))
	node.Conf("[clients_8443]\nenv.min_age 300ms\nenv.no_wait yes\n") // rounds are short here
	node.Start()
	master := testhost.NewMuninMaster(t, node)
	master.Clock = time.Now().Add(-24 * time.Hour).Truncate(5 * time.Minute)
	random := rand.New(rand.NewPCG(1, 2))
	var here []*connection
	for round := range 288 {
		evening := math.Pow(math.Sin(math.Pi*float64(round)/288), 3)
		for want := int(8 + 160*evening + 12*random.Float64()); len(here) > want; here = here[1:] {
			th.leave(here[0])
		}
		for want := int(8 + 160*evening + 12*random.Float64()); len(here) < want; {
			peer := fmt.Sprintf("127.10.%d.%d", random.IntN(2), random.IntN(120)+1) // some have several devices
			here = append(here, th.enter(8443, peer)...)
		}
		for _, c := range here {
			c.server.Write([]byte("frame"))
			c.client.Write([]byte("ack"))
		}
		master.Update(1)
	}
	if err := os.WriteFile(file, master.Graph("clients_8443"), 0o644); err != nil {
		t.Fatal(err)
	}
}
