package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A tree is a host made of files: what /proc shows of its sockets and processes.
type tree struct {
	t      testing.TB
	root   string
	tables map[string]*strings.Builder
	inode  int
}

// newTree makes a host with one process, which holds nothing, and the ports
// 32768 to 60999 for clients.
func newTree(t testing.TB) *tree {
	t.Helper()
	h := &tree{t: t, root: t.TempDir(), tables: map[string]*strings.Builder{}, inode: 1000}
	for _, name := range []string{"tcp", "tcp6", "udp", "udp6"} {
		h.tables[name] = new(strings.Builder)
		h.tables[name].WriteString("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n")
	}
	h.file("sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
	h.file("sys/kernel/random/boot_id", "01234567-89ab-cdef-0123-456789abcdef\n")
	h.file("net/netstat", "TcpExt: ListenOverflows ListenDrops SyncookiesSent\nTcpExt: 5 7 9\n")
	h.process(1, "systemd", "/sbin/init")
	return h
}

func (h *tree) file(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// process adds a process that has done nothing yet.
func (h *tree) process(pid int, name string, command ...string) {
	h.t.Helper()
	h.file(fmt.Sprintf("%d/comm", pid), name+"\n")
	h.file(fmt.Sprintf("%d/cmdline", pid), strings.Join(command, "\x00")+"\x00")
	h.file(fmt.Sprintf("%d/status", pid), "Name:\t"+name+"\nUid:\t0\t0\t0\t0\n")
	h.file(fmt.Sprintf("%d/stat", pid), fmt.Sprintf("%d (%s) S 1"+strings.Repeat(" 0", 17)+" 100 0\n", pid, name))
	if err := os.MkdirAll(filepath.Join(h.root, fmt.Sprintf("%d/fd", pid)), 0o755); err != nil {
		h.t.Fatal(err)
	}
}

// listen adds a socket ("tcp 0.0.0.0:443") that processes hold.
func (h *tree) listen(socket string, pids ...int) {
	h.t.Helper()
	h.inode++
	protocol, endpoint, _ := strings.Cut(socket, " ")
	local, state := netip.MustParseAddrPort(endpoint), "0A"
	if protocol == "udp" {
		state = "07"
	}
	table, address, any := h.tables[protocol], addressHex(local.Addr()), "00000000"
	if local.Addr().Is6() {
		table, any = h.tables[protocol+"6"], strings.Repeat("0", 32)
	}
	fmt.Fprintf(table, "   0: %s:%04X %s:0000 %s 00000000:00000000 00:00000000 00000000     0        0 %d 2 0000000000000000 0\n",
		address, local.Port(), any, state, h.inode)
	for _, pid := range pids {
		link := filepath.Join(h.root, fmt.Sprintf("%d/fd/%d", pid, h.inode))
		if err := os.Symlink(fmt.Sprintf("socket:[%d]", h.inode), link); err != nil {
			h.t.Fatal(err)
		}
	}
}

// addressHex is an address as a little-endian kernel prints it.
func addressHex(a netip.Addr) string {
	var b strings.Builder
	raw := a.AsSlice()
	for i := 0; i < len(raw); i += 4 {
		fmt.Fprintf(&b, "%02X%02X%02X%02X", raw[i+3], raw[i+2], raw[i+1], raw[i])
	}
	return b.String()
}

// environ writes the tables and returns an environment that points to the tree.
func (h *tree) environ() []string {
	h.t.Helper()
	for name, text := range h.tables {
		h.file("net/"+name, text.String())
	}
	return []string{"PROC_ROOT=" + h.root}
}

// webHost has a web server, a resolver on loopback and the kernel's NFS server.
func webHost(t testing.TB) *tree {
	t.Helper()
	h := newTree(t)
	h.process(100, "nginx", "nginx: master process")
	h.process(101, "nginx", "nginx: worker process")
	h.process(200, "systemd-resolve", "/lib/systemd/systemd-resolved")
	h.listen("tcp 0.0.0.0:443", 100, 101)
	h.listen("tcp [::]:443", 100, 101)
	h.listen("udp 127.0.0.53:53", 200)
	h.listen("tcp 0.0.0.0:2049")
	h.listen("udp 0.0.0.0:40000", 200) // a client's
	return h
}

const webBaseline = `# expected on the web host
tcp *:443 nginx          # the shop
udp 127.0.0.53:53 systemd-resolved
tcp 0.0.0.0:2049 -       # nfsd
`

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
