package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A socket that many processes have inherited is one listener, and any of them
// is the program that the baseline names.
func TestInheritedSocket(t *testing.T) {
	ns := testhost.NewNetns(t)
	var fd int
	err := ns.Do(func() (err error) {
		fd, err = openSocket("tcp,0.0.0.0:80")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	socket := os.NewFile(uintptr(fd), "socket")
	defer socket.Close()
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(testhost.Dir(t), "worker")
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	const workers = 20
	for range workers {
		cmd := exec.Command(path)
		cmd.Env, cmd.ExtraFiles = []string{helperVariable + "=1"}, []*os.File{socket}
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			stdin.Close()
			_ = cmd.Wait()
		})
	}
	for _, tt := range []struct {
		option  []string
		holders int
	}{{nil, 1}, {[]string{"--processes"}, workers + 1}} {
		r := inside(t, ns, nil, nil, "listeners", append([]string{"list", "--format", "json"}, tt.option...)...)
		var answer struct {
			Listeners []struct {
				Instances int
				Process   []struct {
					Name string
					PID  int
				}
			}
		}
		if err := json.Unmarshal([]byte(r.Stdout), &answer); err != nil || len(answer.Listeners) != 1 {
			t.Fatalf("%v, %v", err, r)
		}
		if l := answer.Listeners[0]; l.Instances != 1 || len(l.Process) != tt.holders || l.Process[0].PID != os.Getpid() {
			t.Errorf("list %v: %+v", tt.option, l)
		}
	}
	// The process with the lowest id is this test, not a worker.
	for line, code := range map[string]int{"worker": 0, "listeners.test": 0, "nginx,work*": 0, "nginx": 2} {
		r := inside(t, ns, nil, nil, "check_listeners", "--baseline", write(t, "listeners", "tcp 0.0.0.0:80 "+line+"\n"))
		if r.Code != code {
			t.Errorf("a baseline with %s, want exit %d: %v", line, code, r)
		}
	}
}
