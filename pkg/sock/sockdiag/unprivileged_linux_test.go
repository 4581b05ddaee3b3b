package sockdiag

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/socktest"
)

// TestAsNobody runs this test program again as the user nobody, in a namespace
// full of sockets.
func TestAsNobody(t *testing.T) {
	const asNobody = "SOCKDIAG_AS_NOBODY"
	if os.Getenv(asNobody) != "" {
		nobodysView()
		return
	}
	ns := socktest.NewNamespace(t)
	ns.Populate()
	other := socktest.NewNamespace(t)
	var out []byte
	var err error
	ns.Do(func() {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestAsNobody$")
		cmd.Env = append(os.Environ(), asNobody+"=1")
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.ExtraFiles = []*os.File{os.NewFile(dup(t, other.Fd()), "namespace")}
		out, err = cmd.CombinedOutput()
	})
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	states := sock.AllStates &^ sock.StatesOf(sock.BoundInactive)
	count := len(collect(t, dialTest(t, ns), Request{States: states}))
	want := []string{
		fmt.Sprintf("sockets: %d <nil>", count),
		"marks known: 0",
		"filter by mark: selecting sockets by their mark needs CAP_NET_ADMIN (run as root)",
		"other namespace: permission denied: true",
	}
	got := strings.Split(string(out), "\n")
	if diff := cmp.Diff(want, got[:min(len(want), len(got))]); diff != "" {
		t.Error(diff)
	}
}

func dup(t *testing.T, fd int) uintptr {
	t.Helper()
	n, err := syscall.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	return uintptr(n)
}

func nobodysView() {
	c, err := Dial(0)
	if err != nil {
		fmt.Println("dial:", err)
		return
	}
	marks, rows := 0, 0
	states := sock.AllStates &^ sock.StatesOf(sock.BoundInactive)
	_, err = c.Dump(context.Background(), Request{States: states, Want: everything}, func(s *sock.Socket) error {
		rows++
		if s.Known.Has(sock.FieldMark) {
			marks++
		}
		return nil
	})
	fmt.Println("sockets:", rows, err)
	fmt.Println("marks known:", marks)
	_, err = c.Dump(context.Background(), Request{Filter: filter.Mark{Value: 1, Mask: 1}}, func(*sock.Socket) error { return nil })
	fmt.Println("filter by mark:", err)
	_, err = Dial(3)
	var op *OpError
	fmt.Println("other namespace: permission denied:", errors.As(err, &op) && errors.Is(err, fs.ErrPermission))
}
