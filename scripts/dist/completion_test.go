package dist

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// completions are command lines with what a shell has to offer at their end,
// and must not.
var completions = []struct {
	plugin, line string
	offers, not  []string
}{
	{"connections", "sockcensus-connections ", []string{"list", "count", "summary", "metrics", "check", "munin"}, []string{"443", "--port"}},
	{"connections", "sockcensus-connections l", []string{"list"}, []string{"count"}},
	{"connections", "sockcensus-connections list --po", []string{"--port"}, []string{"--state", "--by"}},
	{"connections", "sockcensus-connections list --format ", []string{"table", "json", "csv"}, []string{"https"}},
	{"connections", "sockcensus-connections list -4 --format j", []string{"json"}, []string{"csv"}},
	{"connections", "sockcensus-connections list --color ", []string{"auto", "always", "never"}, nil},
	{"connections", "sockcensus-connections list --source ", []string{"auto", "netlink", "proc"}, nil},
	{"connections", "sockcensus-connections list --protocol u", []string{"udp", "udplite", "unix"}, []string{"tcp"}},
	{"connections", "sockcensus-connections count --by pe", []string{"peer", "peer-port"}, []string{"port"}},
	{"connections", "sockcensus-connections count --by state,net", []string{"state,network"}, []string{"state,peer"}},
	{"connections", "sockcensus-connections list -p htt", []string{"http", "https"}, []string{"ssh"}},
	{"connections", "sockcensus-connections list --port 80,htt", []string{"80,http", "80,https"}, nil},
	{"connections", "sockcensus-connections list --state fin", []string{"fin-wait-1", "fin-wait-2"}, []string{"closing"}},
	{"connections", "check_connections --exclude time", []string{"time-wait"}, nil},
	{"connections", "check_connections --by st", []string{"state"}, []string{"port"}},
	{"connections", "check_connections --war", []string{"--warning"}, []string{"--format"}},
	{"connections", "sockcensus-connections metrics --c", []string{"--cgroup"}, []string{"--critical"}},
	{"connections", "sockcensus-connections list --user roo", []string{"root"}, nil},
	{"connections", "sockcensus-connections list --interface l", []string{"lo"}, nil},
	{"connections", "sockcensus-connections munin sta", []string{"states"}, nil},
	{"connections", "sockcensus-connections munin states co", []string{"config"}, nil},
	{"listeners", "sockcensus-listeners baseline ", []string{"write", "check", "diff"}, []string{"list"}},
	{"listeners", "sockcensus-listeners baseline write --form", []string{"--format"}, nil},
	{"listeners", "sockcensus-listeners baseline check expec", []string{"expected"}, nil},
	{"listeners", "check_listeners --unexpected ", []string{"ok", "warning", "critical"}, []string{"unknown"}},
	{"conntrack", "sockcensus-conntrack count --by reply", []string{"reply-src"}, nil},
	{"conntrack", "sockcensus-conntrack list --state syn", []string{"syn_sent", "syn_recv"}, nil},
	{"conntrack", "sockcensus-conntrack list --status a", []string{"assured"}, []string{"unreplied"}},
}

// complete asks a shell for each line, in a home of its own and with the plugins
// in its path.
func complete(t *testing.T, offer func(t *testing.T, usr, home, line string) []string) {
	t.Helper()
	usr, home := install(t), testhost.Dir(t)
	if err := os.WriteFile(filepath.Join(home, "expected"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range completions {
		if !slices.Contains(testhost.Plugins(t), tt.plugin) {
			continue
		}
		got := offer(t, usr, home, tt.line)
		for _, want := range tt.offers {
			if !slices.Contains(got, want) {
				t.Errorf("%q: offered %q, want %q among them", tt.line, got, want)
			}
		}
		for _, not := range tt.not {
			if slices.Contains(got, not) {
				t.Errorf("%q: offered %q, want no %q", tt.line, got, not)
			}
		}
	}
}

// shell runs a shell with a script of its language.
func shell(t *testing.T, usr, home string, program string, args ...string) []string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = home
	cmd.Env = []string{"HOME=" + home, "PATH=" + filepath.Join(usr, "bin") + ":" + filepath.Join(usr, "lib/nagios/plugins") + ":/usr/bin:/bin", "LC_ALL=C.UTF-8", "TERM=xterm"}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Errorf("%s %q: %v %s", program, args[1:], err, &complaints)
	}
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(string(out), "\r", "")), "\n")
}

func TestBashCompletion(t *testing.T) {
	bash := testhost.Need(t, "bash")
	complete(t, func(t *testing.T, usr, home, line string) []string {
		words := strings.Split(line, " ")
		script := `source "$1/share/bash-completion/completions/$2"
function=$(complete -p "$2") && function=${function#*-F } && function=${function%% *}
shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); $function "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"`
		return shell(t, usr, home, bash, append([]string{"--norc", "-c", script, "bash", usr}, words...)...)
	})
}

// Bash hands --format=j over as three words.
func TestBashCompletionAfterEquals(t *testing.T) {
	bash := testhost.Need(t, "bash")
	usr, home := install(t), testhost.Dir(t)
	for word, want := range map[string]string{"=": "json", "j": "json"} {
		words := "sockcensus-connections list --format = j"
		if word == "=" {
			words = "sockcensus-connections list --format ="
		}
		script := `source "$1/share/bash-completion/completions/sockcensus-connections"
COMP_WORDS=(` + words + `); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _sockcensus_connections; printf '%s\n' "${COMPREPLY[@]}"`
		if got := shell(t, usr, home, bash, "--norc", "-c", script, "bash", usr); !slices.Contains(got, want) {
			t.Errorf("%s: offered %q, want %q", words, got, want)
		}
	}
}

func TestFishCompletion(t *testing.T) {
	fish := testhost.Need(t, "fish")
	complete(t, func(t *testing.T, usr, home, line string) []string {
		program, _, _ := strings.Cut(line, " ")
		script := `source "` + usr + `/share/fish/vendor_completions.d/` + program + `.fish"; complete -C "` + line + `"`
		lines := shell(t, usr, home, fish, "--no-config", "-c", script)
		for i := range lines {
			lines[i], _, _ = strings.Cut(lines[i], "\t")
		}
		return lines
	})
}

func TestZshCompletion(t *testing.T) {
	zsh := testhost.Need(t, "zsh")
	capture, err := filepath.Abs("testdata/capture.zsh")
	if err != nil {
		t.Fatal(err)
	}
	complete(t, func(t *testing.T, usr, home, line string) []string {
		return shell(t, usr, home, zsh, "-f", capture, usr, line)
	})
}
