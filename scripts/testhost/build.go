package testhost

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

var build struct {
	once sync.Once
	dir  string
	err  error
	hold *os.File // the reaper waits for its end
}

// Build builds every plugin of this module as it is shipped (static, stripped) and
// returns the directory that holds the binaries NAME with their links check_NAME
// and NAME_. All users may run them. It builds once a test process and removes the
// directory when that process ends. Plugins that do not exist yet are not there.
func Build(t testing.TB) string {
	t.Helper()
	build.once.Do(func() { build.dir, build.err = buildPlugins() })
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.dir
}

// Binary returns the path that Build gives a name (connections,
// check_connections, connections_) and fails the test when there is none.
func Binary(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(Build(t), name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("no plugin is called %s: %v", name, err)
	}
	return path
}

func buildPlugins() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir, err := publicTempDir()
	if err != nil {
		return "", err
	}
	if build.hold, err = removeAtExit(dir); err != nil {
		return "", err
	}
	mains, err := filepath.Glob(filepath.Join(root, "plugins", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		return dir, err
	}
	args := []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", dir + "/"}
	for _, main := range mains {
		args = append(args, "./plugins/"+filepath.Base(filepath.Dir(main)))
	}
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the plugins: %w\n%s", err, out)
	}
	return dir, linkPlugins(dir, mains)
}

// linkPlugins makes the links by whose names a binary knows its personality.
func linkPlugins(dir string, mains []string) error {
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
		for _, link := range []string{"check_" + name, name + "_"} {
			if err := os.Symlink(name, filepath.Join(dir, link)); err != nil {
				return err
			}
		}
	}
	return nil
}

// moduleRoot finds go.mod above the directory that go test runs the tests in.
func moduleRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above %s", start)
		}
	}
}

// removeAtExit starts a child that removes dir when this process is gone, however
// it ended: no test knows that it is the last one. The returned file is what the
// child waits for and must stay referenced.
func removeAtExit(dir string) (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	reaper := exec.Command("/bin/sh", "-c", `read -r _; rm -rf "$1"`, "sh", dir)
	reaper.Stdin = read
	reaper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return write, reaper.Start()
}
