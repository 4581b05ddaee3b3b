package testhost

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// recorder is a test that notes how it ended.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// record runs f as a test of its own.
func record(f func(testing.TB)) *recorder {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

func needMissing(t testing.TB) { Need(t, "no-such-program") }

func TestNeedSkipsLoudly(t *testing.T) {
	t.Setenv("CI", "")
	r := record(needMissing)
	if !strings.Contains(r.skipped, "apt-get install --no-install-recommends no-such-program") || r.failed != "" {
		t.Errorf("skipped %q, failed %q", r.skipped, r.failed)
	}
}

func TestNeedFailsInCI(t *testing.T) {
	t.Setenv("CI", "true")
	r := record(needMissing)
	if root := os.Getuid() == 0; (r.failed != "") != root || (r.skipped != "") == root {
		t.Errorf("root %v: skipped %q, failed %q", root, r.skipped, r.failed)
	}
}

func TestNeedFindsPrograms(t *testing.T) {
	if path := Need(t, "sh"); !strings.HasSuffix(path, "/sh") {
		t.Errorf("sh is %q", path)
	}
}

func TestNeedRoot(t *testing.T) {
	for _, ci := range []string{"", "true"} {
		t.Setenv("CI", ci)
		r := record(func(t testing.TB) { NeedRoot(t) })
		root := os.Getuid() == 0
		if (r.skipped == "") != (root || ci != "") || (r.failed == "") != (root || ci == "") {
			t.Errorf("CI=%q, root %v: skipped %q, failed %q", ci, root, r.skipped, r.failed)
		}
	}
}
