package testhost

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

var build struct {
	once sync.Once
	dir  string
	errs map[string]error // of the plugins that do not build
	err  error
	hold *os.File // the reaper waits for its end
}

// Build builds every plugin of this module as it is shipped (static, stripped) and
// returns the directory that holds the binaries NAME with their links check_NAME
// and NAME_, and in documentation/ those that print their documentation. All users may run them. It builds once a test process and removes the
// directory when that process ends. Plugins that do not exist yet are not there;
// one that does not build fails the test.
func Build(t testing.TB) string {
	t.Helper()
	dir := buildOnce(t)
	for _, err := range build.errs {
		t.Fatal(err)
	}
	return dir
}

// Binary builds as Build does and returns the path of one name (connections,
// check_connections, connections_). It fails the test when there is no such plugin
// or it does not build, whatever the others do.
func Binary(t testing.TB, name string) string {
	t.Helper()
	dir := buildOnce(t)
	plugin := strings.TrimSuffix(strings.TrimPrefix(name, "check_"), "_")
	if err := build.errs[plugin]; err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("no plugin is called %s: %v", plugin, err)
	}
	return path
}

func buildOnce(t testing.TB) string {
	t.Helper()
	build.once.Do(func() {
		var root string
		if root, build.err = moduleRoot(); build.err != nil {
			return
		}
		if build.dir, build.err = publicTempDir(); build.err != nil {
			return
		}
		if build.hold, build.err = removeAtExit(build.dir); build.err != nil {
			return
		}
		build.errs, build.err = buildPlugins(root, build.dir)
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.dir
}

// buildPlugins builds plugins/NAME of a module into dir, one by one so that one
// that does not build keeps no other away, and returns the errors by name.
func buildPlugins(root, dir string) (map[string]error, error) {
	mains, err := filepath.Glob(filepath.Join(root, "plugins", "*", "main.go"))
	if err != nil {
		return nil, err
	}
	errs := map[string]error{}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		if err := buildPlugin(root, dir, name); err != nil {
			errs[name] = err
		}
	}
	return errs, nil
}

func buildPlugin(root, dir, name string) error {
	binary := filepath.Join(dir, name)
	for path, tags := range map[string]string{binary: "shipped", filepath.Join(dir, "documentation", name): ""} {
		cmd := exec.Command("go", "build", "-trimpath", "-tags", tags, "-ldflags", "-s -w -funcalign=8", "-o", path, "./plugins/"+name)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build plugins/%s: %w\n%s", name, err, out)
		}
	}
	if err := os.Chmod(binary, 0o755); err != nil {
		return err
	}
	// By these names a binary knows its personality.
	for _, link := range []string{"check_" + name, name + "_"} {
		if err := os.Symlink(name, filepath.Join(dir, link)); err != nil {
			return err
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
