package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A server accepts when it is told to.
type server struct {
	t       *testing.T
	ns      *testhost.Netns
	fd      int
	port    int
	waiting []int // clients in the queue
}

func newServer(t *testing.T, ns *testhost.Netns, socket string, port int) *server {
	s := &server{t: t, ns: ns, port: port}
	err := ns.Do(func() (err error) {
		s.fd, err = openSocket(socket)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.wait(0)
		unix.Close(s.fd)
	})
	return s
}

// wait has n clients wait in the accept queue.
func (s *server) wait(n int) {
	for len(s.waiting) < n {
		err := s.ns.Do(func() error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			s.waiting = append(s.waiting, fd)
			return unix.Connect(fd, &unix.SockaddrInet4{Port: s.port, Addr: [4]byte{127, 0, 0, 1}})
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	for len(s.waiting) > n {
		accepted, _, err := unix.Accept(s.fd)
		if err != nil {
			s.t.Fatal(err)
		}
		unix.Close(s.waiting[0])
		unix.Close(accepted)
		s.waiting = s.waiting[1:]
	}
}

// TestThroughMuninMaster collects and draws. With PICTURES it makes the README's
// picture, which takes a minute:
//
//	PICTURES=$PWD/plugins/listeners go test ./plugins/listeners -run MuninMaster
func TestThroughMuninMaster(t *testing.T) {
	ns := testhost.NewNetns(t)
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: ns, Host: "www.example"})
	node.Conf("[listeners_*]\nenv.local 127.0.0.0/8\nenv.filter sport lt 1024\n")
	for _, suffix := range []string{"count", "queue", "drops", "overflows"} {
		node.Link("listeners_"+suffix, testhost.Binary(t, "listeners_"))
	}
	web, mail := newServer(t, ns, "tcp,127.0.0.1:443,127", 443), newServer(t, ns, "tcp,127.0.0.1:25,15", 25)
	node.Start()
	master := testhost.NewMuninMaster(t, node)
	pictures, rounds := os.Getenv("PICTURES"), 3
	if pictures != "" {
		rounds = 120
		master.Clock = time.Now().Add(-10 * time.Hour).Truncate(5 * time.Minute)
	}
	for round := range rounds {
		day := math.Sin(math.Pi * float64(round) / float64(rounds))
		web.wait(int(64 + 60*day*day*math.Abs(math.Sin(float64(round)/5))))
		mail.wait(round * 7 % 5)
		master.Update(1)
	}
	if pictures == "" {
		web.wait(64)
		mail.wait(4)
		master.Update(1)
		if web, mail := master.Last("listeners_queue", "p443"), master.Last("listeners_queue", "p25"); web != "50" || mail != "25" {
			t.Errorf("the master stored %s and %s %%", web, mail)
		}
		if tcp := master.Last("listeners_count", "tcp"); tcp != "2" {
			t.Errorf("the master stored %s listeners", tcp)
		}
		if len(master.RRDFiles("listeners_drops")) != 2 || len(master.RRDFiles("listeners_overflows")) != 4 {
			t.Errorf("databases: %v, %v", master.RRDFiles("listeners_drops"), master.RRDFiles("listeners_overflows"))
		}
	}
	png := master.Graph("listeners_queue")
	if !bytes.HasPrefix(png, []byte("\x89PNG")) {
		t.Errorf("no picture: %q", png[:min(len(png), 20)])
	}
	if pictures != "" {
		if err := os.WriteFile(filepath.Join(pictures, "listeners_queue.png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
