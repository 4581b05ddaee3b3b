package testhost

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestBuildPlugins(t *testing.T) {
	root, dir := t.TempDir(), Dir(t)
	writeFile(t, filepath.Join(root, "go.mod"), "module example.org/m\n")
	writeFile(t, filepath.Join(root, "plugins", "good", "main.go"), "package main\n\nimport \"os\"\n\nfunc main() { println(os.Args[0]) }\n")
	writeFile(t, filepath.Join(root, "plugins", "bad", "main.go"), "package main\n\nfunc main() { nonsense }\n")
	writeFile(t, filepath.Join(root, "plugins", "later", "README"), "no main yet\n")
	names := plugins(t, root)
	if want := []string{"bad", "good"}; !slices.Equal(names, want) {
		t.Fatalf("the plugins are %q, want %q", names, want)
	}
	for _, name := range names {
		if err := buildPlugin(root, dir, name); (err != nil) != (name == "bad") {
			t.Errorf("build %s: %v", name, err)
		}
	}
	for _, name := range []string{"good", "check_good", "good_"} {
		path := filepath.Join(dir, name)
		if r := Run(t, Command{Path: path}); r != (Result{Stderr: path + "\n"}) {
			t.Errorf("%s: %s", name, r)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "good")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the binary is not for all users: %v %v", info, err)
	}
}

func TestBuildsOnce(t *testing.T) {
	_, dir := place(t)
	if _, again := place(t); again != dir || !reachable(dir) {
		t.Errorf("built into %s and %s", dir, again)
	}
	times := 0
	for range 2 {
		once(t, "what is counted", func() error { times++; return nil })
	}
	if times != 1 {
		t.Errorf("built %d times", times)
	}
}

func TestRemoveAtExit(t *testing.T) {
	dir, err := publicTempDir()
	if err != nil {
		t.Fatal(err)
	}
	hold, err := removeAtExit(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("test", "-d", dir).Run(); err != nil {
		t.Fatalf("removed too early: %v", err)
	}
	hold.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", dir)
		}
	}
}
