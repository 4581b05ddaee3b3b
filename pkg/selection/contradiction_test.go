package selection_test

import (
	"strings"
	"testing"
)

// TestContradictionsWithFilters wants an error where options contradict each
// other or a condition that a filter makes in any case.
func TestContradictionsWithFilters(t *testing.T) {
	for words, want := range map[string]string{
		"-6;--peer;0/0":                          "--peer 0/0 contradicts --ipv6",
		"-6;--peer;::ffff:0:0/96":                "--peer ::ffff:0:0/96 contradicts --ipv6",
		"-6;--peer;10.0.0.1,0.0.0.0/0":           "contradicts --ipv6",
		"-6;-f;dst 10.0.0.3":                     `--filter "dst 10.0.0.3" contradicts --ipv6`,
		"-6;-f;sport 80 and ( src 10/8 )":        "contradicts --ipv6",
		"-6;-f;src inet:*":                       "contradicts --ipv6",
		"-4;-f;dst [2001:db8::1]":                "contradicts --ipv4",
		"-p;443;-f;sport = :80":                  `--filter "sport = :80" contradicts --port 443`,
		"-p;443;-f;sport = :80 or sport = :8080": "contradicts --port 443",
		"-p;443;-f;not sport = :443":             "contradicts --port 443",
		"-p;80-90,443;-f;sport > 1024":           "contradicts --port 80-90,443",
		"--peer-port;443;-f;dst *:80":            "contradicts --peer-port 443",
		"--peer;10.0.0.0/8;-f;dst 192.0.2.1":     "contradicts --peer 10.0.0.0/8",
		"--local;10.0.0.1;--peer;2001:db8::1":    "--peer 2001:db8::1 contradicts --local 10.0.0.1",
		"--user;0;-f;uid = 7":                    "contradicts --user 0",
		"--interface;lo;-f;dev = 77":             "contradicts --interface lo",
		"--mark;1;-f;fwmark = 2":                 "contradicts --mark 1",
		"-f;sport = :80;-f;sport = :81":          `--filter "sport = :81" contradicts --filter "sport = :80"`,
		"-f;src /tmp/*":                          `--filter "src /tmp/*" is about unix sockets: give --protocol unix with it`,
		"-f;src link:arp":                        "is about packet sockets: give --protocol packet with it",
		"--protocol;unix;-f;src inet:10.0.0.1":   "is about internet sockets",
		"--protocol;udp;--state;listening":       "--protocol udp",
		"--protocol;udp;--state;time-wait":       `no udp socket is ever in the state time-wait, only in established or closed`,
		"--protocol;udp;-f;state listening":      "no udp socket",
		"--protocol;packet,unix;--state;closing": "no packet or unix socket",
		"--mark;0x1/0":                           "never",
		"--mark;0x11/0x10":                       "never",
	} {
		if _, got := ask(strings.Split(words, ";")...); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
}

// TestNoContradiction wants none where a socket can match, or where a filter
// contradicts itself, which is legal in ss.
func TestNoContradiction(t *testing.T) {
	for _, words := range []string{
		"-4;--peer;::/0", "-4;--peer;::ffff:0:0/96", "-6;--peer;::/0", "-6;--local;::", "-4;-f;dst [::ffff:0:0/96]",
		"-4;-6;--peer;10.0.0.1", "-4;-f;src inet6:*", "-6;--peer;10.0.0.1,2001:db8::1", "-4;-f;dst [::]",
		"-p;443;-f;sport = :443 or sport = :80", "-p;443;-f;dport = :80", "-p;443;-f;sport != :80", "-p;443;-f;not ( sport = :80 )",
		"-f;sport = :80 and sport = :81", "-f;src /tmp/* and dst 10.0.0.1", "-6;-f;not dst 10.0.0.3", "-6;-f;dst 10.0.0.3 or sport = :80",
		"--protocol;unix;-f;src /tmp/*", "--protocol;tcp,unix;-f;src /tmp/*", "-f;src /tmp/* or sport = :80", "-f;not src /tmp/*",
		"--protocol;udp;--state;established,listening", "--protocol;tcp,udp;--state;time-wait", "--protocol;udp;--state;closed",
		"--protocol;unix;--state;listening", "--protocol;udp;--exclude;established", "--mark;0/0", "--mark;0x10/0x10",
		"--local;10.0.0.1;-f;src [::ffff:10.0.0.1]", "--local;0.0.0.0;-f;dst [::]", "-f;autobound;-p;443", "--peer;10.0.0.0/8;-f;dst 10.1/16",
	} {
		if got, complaint := ask(strings.Split(words, ";")...); complaint != "" || got == nil {
			t.Errorf("%s: %s", words, complaint)
		}
	}
}

// TestFilterForProtocol reads a filter as ss does with -x and -0.
func TestFilterForProtocol(t *testing.T) {
	for words, want := range map[string]string{
		"--protocol;unix;-f;src *with*":                "src unix:*with*",
		"--protocol;unix;-f;src foo and not dst inet*": "src unix:foo and not dst unix:inet*",
		"--protocol;packet;-f;src arp:1":               "src link:0x806:1",
		"--protocol;tcp,unix;-f;src unix:*with*":       "src unix:*with*",
	} {
		got, complaint := ask(strings.Split(words, ";")...)
		if complaint != "" || got == nil || got.Filter.String() != want {
			t.Errorf("%s: %s, want %s", words, complaint, want)
		}
	}
	if _, got := ask("--protocol", "tcp,unix", "-f", "src *with*"); !strings.Contains(got, "unix:*with*") {
		t.Errorf("a glob for several protocols: %q, want the way to say it", got)
	}
}
