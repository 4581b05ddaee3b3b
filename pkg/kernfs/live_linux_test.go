package kernfs

import (
	"os"
	"testing"
)

// The files of the running kernel have the form that the parsers expect.
func TestLive(t *testing.T) {
	var f FS
	dir := f.NetDir()
	if dir != "/proc/thread-self/net" {
		t.Errorf("NetDir is %s", dir)
	}
	snmp, err := SNMP(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := snmp.Uint("Tcp", "CurrEstab"); !ok {
		t.Error("no Tcp CurrEstab")
	}
	netstat, err := Netstat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := netstat.Uint("TcpExt", "ListenDrops"); !ok {
		t.Error("no TcpExt ListenDrops")
	}
	sockstat, err := Sockstat(f.NetDirOf(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := sockstat.Uint("TCP", "inuse"); !ok {
		t.Error("no TCP inuse")
	}
	if low, high, err := f.PortRange(); err != nil || low >= high {
		t.Errorf("ports %d to %d, %v", low, high, err)
	}
	if id, err := f.BootID(); err != nil {
		t.Errorf("boot id %q, %v", id, err)
	}
}
