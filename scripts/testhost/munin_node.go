package testhost

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// MuninNodeOptions are what a test may want different; the zero value is a node
// called test.example in the caller's network namespace.
type MuninNodeOptions struct {
	Host  string // host name the node gives itself
	Netns *Netns
	Extra string // more lines of munin-node.conf
}

// MuninNode is a real munin-node. Its plugins run as nobody in group munin with
// the environment that munin-node sets.
type MuninNode struct {
	daemon
	Host       string
	LibraryDir string // what munin-node-configure offers
	ServiceDir string // what the node serves
	ConfDir    string // plugin-conf.d
	StateDir   string // MUNIN_PLUGSTATE without the user's name

	dir  string
	conf string
	env  []string
}

// NewMuninNode lays out a node; [MuninNode.Start] starts it. Running and
// configuring plugins needs no started node.
func NewMuninNode(t testing.TB, o MuninNodeOptions) *MuninNode {
	t.Helper()
	NeedRoot(t)
	Need(t, "munin-node")
	MuninUser(t)
	dir := Dir(t)
	n := &MuninNode{
		daemon: daemon{t: t, ns: o.Netns, Port: o.Netns.freePort(t)},
		Host:   o.Host, dir: dir, conf: filepath.Join(dir, "conf", "munin-node.conf"),
		LibraryDir: filepath.Join(dir, "library", "plugins"), ServiceDir: filepath.Join(dir, "conf", "plugins"),
		ConfDir: filepath.Join(dir, "conf", "plugin-conf.d"), StateDir: filepath.Join(dir, "state"),
		env: moveMunin(t, dir),
	}
	if n.Host == "" {
		n.Host = "test.example"
	}
	for _, sub := range []string{n.LibraryDir, n.ServiceDir, n.ConfDir, n.StateDir, filepath.Join(dir, "log"), filepath.Join(dir, "run")} {
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, n.conf, n.config(o.Extra))
	return n
}

func (n *MuninNode) config(extra string) string {
	return fmt.Sprintf(`log_level 4
log_file %s
pid_file %s
background 0
setsid 0
user root
group root
host_name %s
host 127.0.0.1
port %d
allow ^127\.0\.0\.1$
ignore_file \.pod$
%s
`, n.logFile(), filepath.Join(n.dir, "run", "munin-node.pid"), n.Host, n.Port, extra)
}

func (n *MuninNode) logFile() string { return filepath.Join(n.dir, "log", "munin-node.log") }

// Link makes the node serve binary under a name, as an administrator does.
func (n *MuninNode) Link(name, binary string) {
	n.t.Helper()
	if err := os.Symlink(binary, filepath.Join(n.ServiceDir, name)); err != nil {
		n.t.Fatal(err)
	}
}

// Offer puts binary into the library under its own name, as a package does, for
// [MuninNode.Configure].
func (n *MuninNode) Offer(binary string) {
	n.t.Helper()
	if err := os.Symlink(binary, filepath.Join(n.LibraryDir, filepath.Base(binary))); err != nil {
		n.t.Fatal(err)
	}
}

// Conf adds a file to plugin-conf.d, for instance "[connections_443]\nenv.warning
// 500". A started node has read its files already.
func (n *MuninNode) Conf(text string) {
	n.t.Helper()
	files, err := os.ReadDir(n.ConfDir)
	if err != nil {
		n.t.Fatal(err)
	}
	writeFile(n.t, filepath.Join(n.ConfDir, fmt.Sprintf("test%02d", len(files))), text)
}

// Start starts munin-node and waits until it accepts connections. By then it has
// asked every plugin for its config, and dropped those that failed.
func (n *MuninNode) Start() {
	n.t.Helper()
	n.launch("munin-node", Command{Path: Need(n.t, "munin-node"), Args: []string{"--config", n.conf}, Env: n.env}, n.Log)
}

// Run runs one plugin by munin-run, which sets the node's environment and user.
// An empty command is a fetch without argument.
func (n *MuninNode) Run(link, command string) Result {
	n.t.Helper()
	args := []string{"--config", n.conf, "--servicedir", n.ServiceDir, "--sconfdir", n.ConfDir, "--ignore-systemd-properties", link}
	if command != "" {
		args = append(args, command)
	}
	return Run(n.t, Command{Path: Need(n.t, "munin-run"), Args: args, Env: n.env, Netns: n.ns})
}

// Configure runs munin-node-configure on the library, for instance with --suggest,
// or with --suggest and --shell.
func (n *MuninNode) Configure(args ...string) Result {
	n.t.Helper()
	args = append([]string{"--config", n.conf, "--libdir", n.LibraryDir, "--servicedir", n.ServiceDir, "--sconfdir", n.ConfDir}, args...)
	return Run(n.t, Command{Path: Need(n.t, "munin-node-configure"), Args: args, Env: n.env, Netns: n.ns})
}

// Log is what the node has logged so far.
func (n *MuninNode) Log() string { return readLog(n.logFile()) }

// Warnings are the log's lines that report trouble, as a plugin's words on stderr
// or a bad exit.
func (n *MuninNode) Warnings() []string { return suspiciousLines(n.Log()) }

// Doc shows the documentation of a plugin that was offered, by munindoc, which
// prefers a NAME.pod offered beside it. It is what a terminal would get.
func (n *MuninNode) Doc(plugin string) Result {
	n.t.Helper()
	lib := filepath.Join(n.dir, "perl-doc")
	defaults := movePaths(n.t, muninDefaults(n.t), map[string]string{
		"LIBDIR": filepath.Dir(n.LibraryDir), "CONFDIR": filepath.Dir(n.ServiceDir), "PERLLIB": lib,
	})
	writeFile(n.t, filepath.Join(lib, defaultsFile), defaults)
	return Run(n.t, Command{
		Path: Need(n.t, "munindoc"), Args: []string{plugin}, User: MuninUser(n.t),
		Env: []string{daemonPath, "LC_ALL=C", "PERL5LIB=" + lib, "PAGER=cat", "PERLDOC=-T", "TERM=dumb"},
	})
}

// serviceName is how the master spells a service: every character that is no letter
// or digit becomes _, and separator stands between parent and child.
func serviceName(service, separator string) string {
	plain := strings.Map(func(r rune) rune {
		if r == '/' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, service)
	return strings.ReplaceAll(plain, "/", separator)
}
