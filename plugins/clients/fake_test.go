package main

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
	"github.com/sockcensus/sockcensus/pkg/sock/socktest"
)

// A viewer is one connection of a host that is made up. Times are since boot.
type viewer struct {
	peer       string
	born, gone time.Duration // gone is 0 for one that stays
	idle       bool
	bound      uint32 // to an interface
}

// A fakeHost has connections of known ages. Its clock moves by 2 ms with every
// look, and by what is slept.
type fakeHost struct {
	now     time.Duration
	bootID  byte
	netns   uint64
	viewers []viewer
	late    time.Duration // what sleeps are too long by
	slept   []time.Duration
	looks   int
	fail    func(look int) error
}

func newFakeHost() *fakeHost {
	return &fakeHost{now: 1000 * time.Second, bootID: 7, netns: 3, viewers: []viewer{
		{peer: "10.0.0.1:4001", born: 100 * time.Second},
		{peer: "10.0.0.1:4002", born: 400 * time.Second},
		{peer: "10.0.0.1:4003", born: 999 * time.Second},
		{peer: "10.0.0.2:4001", born: 500 * time.Second, idle: true},
		{peer: "10.0.0.3:4001", born: 998 * time.Second},
		{peer: "10.0.0.4:4001", born: 999 * time.Second, gone: 1002 * time.Second},
		{peer: "10.0.1.9:4001", born: 200 * time.Second},
		{peer: "[2001:db8::1]:4001", born: 900 * time.Second, idle: true},
		{peer: "[2001:db8::2]:4001", born: 950 * time.Second},
		{peer: "10.0.0.5:4001", born: 1003 * time.Second},
		{peer: "[2001:db8:0:1::1]:4001", born: 1004 * time.Second},
	}}
}

func (h *fakeHost) clock() (time.Duration, time.Duration, error) { return h.now, h.now, nil }

func (h *fakeHost) boot(scan.Query) ([16]byte, error) { return [16]byte{h.bootID}, nil }

func (h *fakeHost) namespace(scan.Query) (uint64, error) { return h.netns, nil }

func (h *fakeHost) sleep(_ context.Context, d time.Duration) error {
	h.slept = append(h.slept, d)
	h.now += d + h.late
	return nil
}

func (h *fakeHost) open(q scan.Query) (table, error) { return &fakeTable{h, q}, nil }

type fakeTable struct {
	host  *fakeHost
	query scan.Query
}

func (f *fakeTable) Close() {}

func (f *fakeTable) Plan() scan.Plan { return scan.Plan{Source: "netlink"} }

func (f *fakeTable) Count(ctx context.Context, reset func(), yield func(*sock.Socket) error) error {
	h := f.host
	h.looks++
	if h.fail != nil {
		if err := h.fail(h.looks); err != nil {
			return err
		}
	}
	reset()
	var rows socktest.Source
	for i, v := range h.viewers {
		if s := v.socket(h.now, uint64(i+1)); v.born <= h.now && (v.gone == 0 || h.now < v.gone) && f.selects(&s) {
			rows = append(rows, s)
		}
	}
	err := rows.Each(ctx, yield)
	h.now += 2 * time.Millisecond
	return err
}

func (f *fakeTable) selects(s *sock.Socket) bool {
	return f.query.Families.Has(s.Family) && (f.query.Filter == nil || f.query.Filter.Match(s))
}

func (v viewer) socket(now time.Duration, cookie uint64) sock.Socket {
	s := socktest.TCP(sock.Established, "10.0.0.100:443", v.peer)
	s.Family = sock.IPv6
	if netip.MustParseAddrPort(v.peer).Addr().Is4() {
		s.Family = sock.IPv4
	}
	quiet := 10 * time.Millisecond
	if v.idle {
		quiet = now - v.born
	}
	s.Known |= sock.FieldCookie | sock.FieldTCPInfo
	s.Cookie, s.Interface = cookie, v.bound
	s.TCPInfo = sock.TCPInfo{
		LastDataSent: quiet, LastDataReceived: quiet, LastAckReceived: quiet,
		RTT: 12500 * time.Microsecond, BytesReceived: 1500, BytesAcked: 2_400_000,
	}
	return s
}

// noon is what the clock on the wall shows unless it is set.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// call runs the plugin on a host. In what it prints, the state directory reads
// STATE.
func call(t *testing.T, on host, dir string, environ []string, line string) (code int, stdout, stderr string) {
	t.Helper()
	return callAt(t, noon, on, dir, environ, line)
}

// callAt is call with the clock on the wall set to a time.
func callAt(t *testing.T, wall time.Time, on host, dir string, environ []string, line string) (code int, stdout, stderr string) {
	t.Helper()
	var out, complaints bytes.Buffer
	if dir != "" {
		environ = append([]string{"NAGIOS_PLUGIN_STATE_DIRECTORY=" + dir}, environ...)
	}
	code = plugin.Run(context.Background(), definition(on), plugin.Env{
		Args: strings.Fields(line), Environ: environ, Stdout: &out, Stderr: &complaints,
		Now: func() time.Time { return wall },
	})
	clean := func(b *bytes.Buffer) string {
		if dir == "" {
			return b.String()
		}
		return strings.ReplaceAll(b.String(), dir, "STATE")
	}
	return code, clean(&out), clean(&complaints)
}
