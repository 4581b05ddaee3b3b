package testhost

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// NRPEOptions are what a test may want different; the zero value is Debian's
// daemon, which refuses arguments and talks TLS.
type NRPEOptions struct {
	Commands map[string]string // name to command line, as in command[name]=line
	Netns    *Netns
	Extra    string // more lines of nrpe.cfg, for instance dont_blame_nrpe=1
}

// NRPE is a real NRPE daemon that runs checks as user nagios.
type NRPE struct {
	daemon
	log string
}

// NewNRPE starts a daemon with fixed commands.
func NewNRPE(t testing.TB, o NRPEOptions) *NRPE {
	t.Helper()
	NeedRoot(t)
	path, user := Need(t, "nrpe"), NagiosUser(t)
	dir := Dir(t)
	run := ownedDir(t, user, filepath.Join(dir, "run"))
	n := &NRPE{daemon: daemon{t: t, ns: o.Netns, Port: o.Netns.freePort(t)}, log: filepath.Join(run, "nrpe.log")}
	var config strings.Builder
	fmt.Fprintf(&config, `log_file=%s
pid_file=%s
server_address=127.0.0.1
server_port=%d
nrpe_user=%s
nrpe_group=%s
allowed_hosts=127.0.0.1
command_timeout=60
connection_timeout=300
debug=0
%s
`, n.log, filepath.Join(run, "nrpe.pid"), n.Port, user.Name, user.Name, o.Extra)
	for name, line := range o.Commands {
		fmt.Fprintf(&config, "command[%s]=%s\n", name, line)
	}
	file := filepath.Join(dir, "nrpe.cfg")
	writeFile(t, file, config.String())
	n.launch("nrpe", Command{Path: path, Args: []string{"-c", file, "-f"}, User: user}, n.Log)
	return n
}

// Check asks the daemon for a command by check_nrpe, as a Nagios server does, and
// returns check_nrpe's output and exit code. More arguments go before -c, for
// instance "-2" for packets of version 2.
func (n *NRPE) Check(command string, args ...string) Result {
	n.t.Helper()
	args = append([]string{"-H", "127.0.0.1", "-p", strconv.Itoa(n.Port)}, append(args, "-c", command)...)
	return n.run(args)
}

// CheckWith is Check with arguments for the command, which a daemon with
// dont_blame_nrpe=1 passes as $ARG1$ and so on.
func (n *NRPE) CheckWith(command string, commandArgs ...string) Result {
	n.t.Helper()
	args := []string{"-H", "127.0.0.1", "-p", strconv.Itoa(n.Port), "-c", command, "-a"}
	return n.run(append(args, commandArgs...))
}

func (n *NRPE) run(args []string) Result {
	n.t.Helper()
	return Run(n.t, Command{Path: Need(n.t, "check_nrpe"), Args: args, User: NagiosUser(n.t), Netns: n.ns})
}

// Log is what the daemon has logged so far.
func (n *NRPE) Log() string { return readLog(n.log) }
