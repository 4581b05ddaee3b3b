package main

import (
	"net"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// listenOn listens in the namespace on an address, bound to a device.
func listenOn(t *testing.T, ns *testhost.Netns, address, device string) {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		controlErr := raw.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), device) })
		if controlErr != nil {
			return controlErr
		}
		return err
	}}
	network := "tcp4"
	if strings.HasPrefix(address, "[") {
		network = "tcp6"
	}
	err := ns.Do(func() error {
		listener, err := config.Listen(t.Context(), network, address)
		if err == nil {
			t.Cleanup(func() { listener.Close() })
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What listens on lo alone serves nobody else, whatever its address: that port
// is not suggested, as one of 127.0.0.1 is not.
func TestSuggestKnowsDevices(t *testing.T) {
	ns := testhost.NewNetns(t)
	listenOn(t, ns, "0.0.0.0:6000", "lo")
	listenOn(t, ns, "0.0.0.0:6001", "")
	listenOn(t, ns, "127.0.0.1:6002", "")
	got := testhost.Run(t, testhost.Command{Path: testhost.Binary(t, "connections_"), Args: []string{"suggest"}, Netns: ns})
	if want := "states\nsummary\n6001\n"; got.Stdout != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// A device stands behind the address, as in ss; scripts get it in a column of
// its own.
func TestListShowsDevices(t *testing.T) {
	ns := testhost.NewNetns(t)
	listenOn(t, ns, "0.0.0.0:6000", "lo")
	listenOn(t, ns, "[::1]:6001", "lo")
	listenOn(t, ns, "0.0.0.0:6002", "")
	run := func(binary string, args ...string) string {
		return testhost.Run(t, testhost.Command{Path: binary, Args: args, Netns: ns}).Stdout
	}
	connections := testhost.Binary(t, "connections")
	list, ss := run(connections, "list", "-l"), run(testhost.Need(t, "ss"), "-ltn")
	for _, local := range []string{" 0.0.0.0%lo:6000 ", " [::1]%lo:6001 ", " 0.0.0.0:6002 "} {
		if !strings.Contains(list, local) || !strings.Contains(ss, local) {
			t.Errorf("no %s in\n%s or in ss\n%s", local, list, ss)
		}
	}
	if json := run(connections, "list", "-l", "-p", "6000", "--format", "json"); !strings.Contains(json, `"local_address": "0.0.0.0", "local_port": 6000,`) || !strings.Contains(json, `"interface": "lo"`) {
		t.Errorf("JSON: %s", json)
	}
}

// /proc tells neither the limit of an accept queue nor any queue of a unix
// socket: what is not known is no zero.
func TestUnknownQueues(t *testing.T) {
	ns := testhost.NewNetns(t)
	listenOn(t, ns, "0.0.0.0:6000", "")
	client, err := ns.Dial(t.Context(), "tcp", "127.0.0.1:6000")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	listener, err := ns.Listen("unix", "@sockcensus queues")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, tt := range []struct{ source, protocol, want string }{
		{"proc", "tcp", `"recv_q": 1, "send_q": null, "local_address": "0.0.0.0"`},
		{"proc", "unix", `"recv_q": null, "send_q": null, "local_address": "@sockcensus queues"`},
		{"netlink", "tcp", `"recv_q": 1, "send_q": ` + somaxconn(t, ns) + `, "local_address": "0.0.0.0"`},
		{"netlink", "unix", `"recv_q": 0, "send_q": ` + somaxconn(t, ns) + `, "local_address": "@sockcensus queues"`},
	} {
		got := testhost.Run(t, testhost.Command{
			Path: testhost.Binary(t, "connections"), Netns: ns,
			Args: []string{"list", "-l", "--source", tt.source, "--protocol", tt.protocol, "--format", "json"},
		})
		if !strings.Contains(got.Stdout, tt.want) {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// somaxconn is the backlog that Go listens with.
func somaxconn(t *testing.T, ns *testhost.Netns) string {
	t.Helper()
	got := testhost.Run(t, testhost.Command{Path: testhost.Need(t, "cat"), Args: []string{"/proc/sys/net/core/somaxconn"}, Netns: ns})
	return strings.TrimSpace(got.Stdout)
}
