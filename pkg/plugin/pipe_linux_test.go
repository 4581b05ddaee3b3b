package plugin

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestClosedPipe has the reader gone before anything is written: a check and a
// Munin call end with an exit code of theirs, a command as every program does.
func TestClosedPipe(t *testing.T) {
	if words := os.Getenv("PLUGIN_UNDER_TEST"); words != "" {
		os.Args = strings.Fields(words)
		Main(fakePlugin())
	}
	for words, want := range map[string]syscall.WaitStatus{
		"check_fake": 3 << 8, "fake_states": 0, "fake_states config": 0, "fake_states autoconf": 0,
		"fake list": syscall.WaitStatus(syscall.SIGPIPE),
	} {
		if got := withClosedPipe(t, words); got != want {
			t.Errorf("%s: status %#x, want %#x", words, got, want)
		}
	}
}

func withClosedPipe(t *testing.T, words string) syscall.WaitStatus {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestClosedPipe$")
	cmd.Env = append(os.Environ(), "PLUGIN_UNDER_TEST="+words)
	cmd.Stdout = w
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.Sys().(syscall.WaitStatus)
}
