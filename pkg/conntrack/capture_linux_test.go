package conntrack

import (
	"context"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestCapture writes the corpus anew from the running kernel. Only for
// CONNTRACK_CAPTURE=1; what the corpus must say is in corpus_test.go.
func TestCapture(t *testing.T) {
	if os.Getenv("CONNTRACK_CAPTURE") == "" {
		t.Skip("set CONNTRACK_CAPTURE=1 to write testdata/corpus.txt from this kernel")
	}
	tracked(t, func() {
		traffic(t)
		recorder := recorder{names: map[string]string{}}
		c := New(Config{})
		dial := c.dial
		c.dial = func() (transport, error) {
			tr, err := dial()
			recorder.eventTransport, _ = tr.(eventTransport)
			return &recorder, err
		}
		recorder.events(t, c)
		inject(t, 30, variedFlow)
		collect(t, c, nil)
		if _, err := c.Stats(context.Background()); err != nil {
			t.Error(err)
		}
		if _, err := c.Table(context.Background()); err != nil {
			t.Error(err)
		}
		recorder.write(t)
	})
}

// A recorder keeps one message of each kind.
type recorder struct {
	eventTransport
	order []string
	names map[string]string
}

// events makes a flow appear, change and go.
func (r *recorder) events(t *testing.T, c *Client) {
	sub, err := c.Subscribe(SubscribeConfig{})
	if err != nil {
		t.Error(err)
		return
	}
	defer sub.Close()
	connectTCP(t, 1)
	run(t, "conntrack", "-D", "-p", "tcp")
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := sub.Receive(ctx, func(*Event) error { return nil }); err != nil {
		t.Error(err)
	}
}

func (r *recorder) receive(b []byte) (int, error) {
	n, err := r.eventTransport.receive(b)
	for rest := b[:n]; len(rest) > 0 && err == nil; {
		start := rest
		var m message
		if m, rest, err = nextMessage(rest); err == nil {
			r.keep(messageName(m), start[:len(start)-len(rest)])
		}
	}
	return n, err
}

func (r *recorder) keep(name string, b []byte) {
	if _, ok := r.names[name]; !ok {
		r.order = append(r.order, name)
		r.names[name] = hex.EncodeToString(b)
	}
}

// messageName describes a message in one word.
func messageName(m message) string {
	switch m.kind {
	case typeDone:
		return "done"
	case typeError:
		return "error"
	case messageStatsCPU:
		_, cpu, _, _ := m.payload()
		return "stats-cpu" + strconv.Itoa(int(cpu))
	case messageStats:
		return "stats"
	}
	var f Flow
	family, _, attrs, _ := m.payload()
	decodeFlow(&f, family, attrs)
	parts := []string{"flow"}
	if m.flags&2 == 0 {
		parts[0] = eventType(m).String()
	}
	parts = append(parts, f.Family.String(), f.Protocol.String())
	if f.State != StateUnknown {
		parts = append(parts, f.State.String())
	}
	for name, is := range map[string]bool{"nat": f.Status&(StatusSrcNAT|StatusDstNAT) != 0, "mark": f.Mark != 0, "zone": f.Zone != 0} {
		if is {
			return strings.Join(append(parts, name), "-")
		}
	}
	return strings.Join(parts, "-")
}

func (r *recorder) write(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Messages of ctnetlink, little-endian: a name and the bytes of one netlink message.\n")
	for _, name := range r.order {
		b.WriteString(name + " " + r.names[name] + "\n")
	}
	if err := os.WriteFile("testdata/corpus.txt", []byte(b.String()), 0o644); err != nil {
		t.Error(err)
	}
}
