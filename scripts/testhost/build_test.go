package testhost

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestBuildPlugins(t *testing.T) {
	root, dir := t.TempDir(), Dir(t)
	writeFile(t, filepath.Join(root, "go.mod"), "module example.org/m\n")
	writeFile(t, filepath.Join(root, "plugins", "good", "main.go"), "package main\n\nimport \"os\"\n\nfunc main() { println(os.Args[0]) }\n")
	writeFile(t, filepath.Join(root, "plugins", "bad", "main.go"), "package main\n\nfunc main() { nonsense }\n")
	writeFile(t, filepath.Join(root, "plugins", "later", "README"), "no main yet\n")
	errs, err := buildPlugins(root, dir)
	if err != nil || len(errs) != 1 || errs["bad"] == nil {
		t.Fatalf("errors %v, %v, want one of bad", errs, err)
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
	dir := buildOnce(t)
	if again := buildOnce(t); again != dir || !reachable(dir) {
		t.Errorf("built into %s and %s", dir, again)
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
