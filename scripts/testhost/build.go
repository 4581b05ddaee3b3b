package testhost

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

var build struct {
	sync.Mutex
	root, dir string
	errs      map[string]error // of what was built by now, nil where it went well
	hold      *os.File         // the reaper waits for its end
}

// Build builds every plugin of this module as it is shipped (static, stripped) and
// returns the directory that holds the binaries NAME with their links check_NAME
// and NAME_. All users may run them. A test process builds each of them once, and
// when it ends the directory is removed. Plugins that do not exist yet are not
// there; one that does not build fails the test.
func Build(t testing.TB) string {
	t.Helper()
	root, dir := place(t)
	for _, name := range plugins(t, root) {
		Binary(t, name)
	}
	return dir
}

// Binary builds one plugin as Build does and returns the path of one of its names
// (connections, check_connections, connections_). It fails the test when there is
// no such plugin or it does not build, whatever the others do.
func Binary(t testing.TB, name string) string {
	t.Helper()
	root, dir := place(t)
	plugin := strings.TrimSuffix(strings.TrimPrefix(name, "check_"), "_")
	if !slices.Contains(plugins(t, root), plugin) {
		t.Fatalf("no plugin is called %s", plugin)
	}
	once(t, plugin, func() error { return buildPlugin(root, dir, plugin) })
	return filepath.Join(dir, name)
}

// Documentation builds every plugin so that it prints its documentation, which
// those that are shipped do not do, and returns the directory that holds them.
func Documentation(t testing.TB) string {
	t.Helper()
	root, dir := place(t)
	dir = filepath.Join(dir, "documentation")
	for _, name := range plugins(t, root) {
		once(t, "documentation "+name, func() error { return compile(root, filepath.Join(dir, name), name, "") })
	}
	return dir
}

// place returns the folder of the module and the one that is built into.
func place(t testing.TB) (root, dir string) {
	t.Helper()
	build.Lock()
	defer build.Unlock()
	if build.hold != nil {
		return build.root, build.dir
	}
	var err error
	if build.root, err = moduleRoot(); err != nil {
		t.Fatal(err)
	}
	if build.dir, err = publicTempDir(); err != nil {
		t.Fatal(err)
	}
	if build.hold, err = removeAtExit(build.dir); err != nil {
		t.Fatal(err)
	}
	build.errs = map[string]error{}
	return build.root, build.dir
}

// once does what was not done yet in this process.
func once(t testing.TB, what string, do func() error) {
	t.Helper()
	build.Lock()
	defer build.Unlock()
	err, done := build.errs[what]
	if !done {
		err = do()
		build.errs[what] = err
	}
	if err != nil {
		t.Fatal(err)
	}
}

// plugins lists those of a module that have a main program.
func plugins(t testing.TB, root string) []string {
	t.Helper()
	mains, err := filepath.Glob(filepath.Join(root, "plugins", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, main := range mains {
		names = append(names, filepath.Base(filepath.Dir(main)))
	}
	return names
}

// buildPlugin builds plugins/NAME of a module into dir, as it is shipped.
func buildPlugin(root, dir, name string) error {
	binary := filepath.Join(dir, name)
	if err := compile(root, binary, name, "shipped"); err != nil {
		return err
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

func compile(root, binary, name, tags string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-tags", tags, "-ldflags", "-s -w -funcalign=8", "-o", binary, "./plugins/"+name)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build plugins/%s: %w\n%s", name, err, out)
	}
	return nil
}

// Plugins are the names of all plugins, or of those in $PLUGINS.
func Plugins(t testing.TB) []string {
	t.Helper()
	if some := os.Getenv("PLUGINS"); some != "" {
		return strings.Fields(some)
	}
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	mains, err := filepath.Glob(filepath.Join(root, "plugins", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		t.Fatalf("no plugins found: %v", err)
	}
	var names []string
	for _, main := range mains {
		names = append(names, filepath.Base(filepath.Dir(main)))
	}
	return names
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
