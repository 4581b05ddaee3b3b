package filter

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// TestParse reads filters and compares how they are printed.
func TestParse(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", ""},
		{" \t ", ""},
		{"sport = :443", "sport = :443"},
		{"sport 443", "sport = :443"},
		{"sport == https", "sport = :443"},
		{"sport eq :https", "sport = :443"},
		{"sport=:443", "sport = :443"},
		{"sport =:443", "sport = :443"},
		{"sport>=1024", "sport >= :1024"},
		{"dport geq 1024", "dport >= :1024"},
		{"dport ge 1024", "dport >= :1024"},
		{"dport leq 1024", "dport <= :1024"},
		{"dport le 1024", "dport <= :1024"},
		{"dport lt 1024", "dport < :1024"},
		{"dport gt 1024", "dport > :1024"},
		{"dport ne 1024", "dport != :1024"},
		{"dport neq 1024", "dport != :1024"},
		{"dport != 1024", "dport != :1024"},
		{"sport = 0x50", "sport = :80"},
		{"sport = 0120", "sport = :80"},
		{"sport = 3com-tsmux", "sport = :106"},
		{"sport = *", "src *"},
		{"sport = :*", "src *"},
		{"sport >= *", "src *"},
		{"sport != *", "not src *"},
		{"sport < *", "not src *"},

		{"sport 1 and sport 2", "sport = :1 and sport = :2"},
		{"sport 1 & sport 2 && sport 3", "sport = :1 and sport = :2 and sport = :3"},
		{"sport 1 sport 2", "sport = :1 and sport = :2"},
		{"sport 1 | sport 2 || sport 3", "sport = :1 or sport = :2 or sport = :3"},
		// Both bind equally, from the left.
		{"sport 1 or sport 2 and dport 3", "( sport = :1 or sport = :2 ) and dport = :3"},
		{"sport 1 or sport 2 dport 3", "( sport = :1 or sport = :2 ) and dport = :3"},
		{"sport 1 and sport 2 or dport 3", "( sport = :1 and sport = :2 ) or dport = :3"},
		{"sport 1 or (sport 2 and dport 3)", "sport = :1 or ( sport = :2 and dport = :3 )"},
		{"not sport 1 and sport 2", "not sport = :1 and sport = :2"},
		{"!sport 1", "not sport = :1"},
		{"! ! sport 1", "not not sport = :1"},
		{"!(sport 1 or sport 2)", "not ( sport = :1 or sport = :2 )"},
		{"begin sport 1 and dport 2 end or begin sport 3 end", "( sport = :1 and dport = :2 ) or sport = :3"},
		{"not begin dev end end", "not dev = 3"},
		{"(((sport 1)))", "sport = :1"},
		{"(sport 1)or (sport 2)", "sport = :1 or sport = :2"},

		{"dst 10.1.2.3", "dst 10.1.2.3"},
		{"dst = 10.1.2.3:80", "dst 10.1.2.3:80"},
		{"dst 10.1.2.3:http", "dst 10.1.2.3:80"},
		{"dst 10.1.2.3:", "dst 10.1.2.3"},
		{"dst 10.1.2.3:*", "dst 10.1.2.3"},
		{"dst 10.1.2.3/8", "dst 10.0.0.0/8"},
		{"dst 193.233.7/24", "dst 193.233.7.0/24"},
		{"dst 193.233.7/24:80", "dst 193.233.7.0/24:80"},
		{"dst 10/8", "dst 10.0.0.0/8"},
		{"dst 10/255.0.0.0", "dst 10.0.0.0/8"},
		{"dst 127.1", "dst 127.1.0.0"},
		{"dst 0x7f.1", "dst 127.1.0.0"},
		{"dst 0/0", "dst 0.0.0.0/0"},
		{"dst != 10/8", "not dst 10.0.0.0/8"},
		{"dst *", "src *"},
		{"dst *:80", "dport = :80"},
		{"dst :80", "dport = :80"},
		{"dst any", "src *"},
		{"dst default:80", "dport = :80"},
		{"src [10.0.0.1]:80", "src 10.0.0.1:80"},
		{"src [2001:db8::1]", "src [2001:db8::1]"},
		{"src [2001:db8::1]:80", "src [2001:db8::1]:80"},
		{"src [2001:db8::/32]:80", "src [2001:db8::/32]:80"},
		{"src [2001:db8::]/32:80", "src [2001:db8::/32]:80"},
		{"src 2001:db8::1", "src [2001:db8::1]"},
		{"src 2001:db8::1:http", "src [2001:db8::1]:80"},
		{"src 2001:db8::1:0x50", "src [2001:db8::1]:80"},
		{"src 2001:db8::1:65535", "src [2001:db8::1]:65535"},
		{"src 2001:db8::1:*", "src [2001:db8::1]"},
		{"src 2001:db8::1:", "src [2001:db8::1]"},
		{"src 2001:db8::1:beef", "src [2001:db8::1:beef]"},
		{"src 1:2:3:4:5:6:7:8", "src [1:2:3:4:5:6:7:8]"},
		{"src 1:2:3:4:5:6:7:8:80", "src [1:2:3:4:5:6:7:8]:80"},
		{"src :::80", "src [::]:80"},
		{"src 2001:db8::1:80/64", "src [2001:db8::/64]"},
		{"src 2001:db8::1:80/64:443", "src [2001:db8::/64]:443"},
		{"src 2001:db8::/32", "src [2001:db8::/32]"},
		{"src 2001:db8::/32:80", "src [2001:db8::/32]:80"},
		{"src ::", "src [::]"},
		{"src ::/0", "src [::/0]"},
		{"src ::ffff:0:0/96", "src [::ffff:0.0.0.0/96]"},
		{"src ::ffff:10.0.0.1", "src [::ffff:10.0.0.1]"},
		{"src ::ffff:10.0.0.1:80", "src [::ffff:10.0.0.1]:80"},
		{"src one.example", "src 192.0.2.1"},
		{"src both.example:80", "src 192.0.2.1:80 or src [2001:db8::1]:80"},
		{"src inet6:both.example", "src inet6:* and src [2001:db8::1]"},

		{"src inet:10.0.0.1", "src inet:* and src 10.0.0.1"},
		{"sport inet:80", "src inet:* and sport = :80"},
		{"sport inet::80", "src inet:* and sport = :80"},
		{"not sport inet:80", "src inet:* and not sport = :80"},
		{"src inet6:*", "src inet6:*"},
		{"src inet6:2001:db8::1", "src inet6:* and src [2001:db8::1]"},
		{"src inet6:*:80", "src inet6:* and sport = :80"},
		{"sport inet:80 or dport inet6:80", "( src inet:* and sport = :80 ) or ( src inet6:* and dport = :80 )"},

		{"src unix:/tmp/*", "src unix:/tmp/*"},
		{"src /tmp/*", "src unix:/tmp/*"},
		{"src @foo", "src unix:@foo"},
		{"src unix:", "src unix:"},
		{`src unix:/a\ b`, `src unix:/a\ b`},
		{`src unix:/a\\b`, `src unix:/a\\b`},
		{`(src unix:/a(1))`, `src unix:/a\(1\)`},
		{"src link:IP:lo", "src link:0x800:1"},
		{"src link:*:7", "src link:*:7"},
		{"src link:arp", "src link:0x806"},
		{"sport link::lo", "src link:*:1"},
		{"sport != link:lo", "not src link:*:1"},

		{"dev lo", "dev = 1"},
		{"dev = eth0", "dev = 2"},
		{"dev != 7", "not dev = 7"},
		{`dev \and`, "dev = 9"},
		{"fwmark 5", "fwmark = 0x5"},
		{"fwmark = 0x01/0x03", "fwmark = 0x1/0x3"},
		{"fwmark != 0x10/255", "not fwmark = 0x10/0xff"},
		{"cgroup /a/b", "cgroup = /a/b"},
		{`cgroup != /a\ b`, `not cgroup = /a\ b`},
		{"cgroup = 77", "cgroup = 77"},
		{`cgroup = \=a`, `cgroup = \=a`},
		{"uid 1000", "uid = 1000"},
		{"autobound", "autobound"},
		{"autobound sport 1", "autobound and sport = :1"},

		{"state established", "state established"},
		{"state ESTAB sport 80", "state established sport = :80"},
		{"state established state listening", "state established state listening"},
		{"state all", "state all"},
		{"exclude all state listening", "state listening"},
		{"state connected exclude time-wait", "state established state syn-sent state syn-recv state fin-wait-1 state fin-wait-2 state close-wait state last-ack state closing"},
		{"excl big", "state syn-recv state time-wait"},
	}
	for _, tt := range tests {
		f, err := Parse(tt.text, testNames{})
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.text, err)
			continue
		}
		if got := f.String(); got != tt.want {
			t.Errorf("Parse(%q) = %q, want %q", tt.text, got, tt.want)
		}
		again, err := Parse(f.String(), testNames{})
		if diff := cmp.Diff(f, again, exprs); err != nil || diff != "" {
			t.Errorf("%q is not read back: %v\n%s", f.String(), err, diff)
		}
	}
}

// exprs compares expressions, which are comparable values.
var exprs = cmp.Comparer(func(a, b Expr) bool { return a == b })

func TestParseFor(t *testing.T) {
	for _, tt := range []struct {
		protocol   sock.Protocol
		text, want string
	}{
		{sock.Unix, "src foo*", "src unix:foo*"},
		{sock.Unix, "src inet:10/8", "src inet:* and src 10.0.0.0/8"},
		{sock.Packet, "src ip:lo", "src link:0x800:1"},
		{sock.Packet, "src *", "src link:*"},
	} {
		f, err := ParseFor(tt.protocol, tt.text, testNames{})
		if err != nil || f.String() != tt.want {
			t.Errorf("ParseFor(%s, %q) = %q, %v, want %q", tt.protocol, tt.text, f, err, tt.want)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	tests := []struct {
		text   string
		column int
		words  string
	}{
		{"sport", 6, "a port is missing, the filter ends here"},
		{"dst = ", 7, "an address is missing, the filter ends here: use IPv4"},
		{"sport = and dport 1", 9, `a port is missing, "and" stands here`},
		{"sport = 70000", 9, `port "70000" is not from 0 to 65535`},
		{"sport = :70000", 10, `port "70000"`},
		{"sport = htpt", 9, "no such name"},
		{"sport = 80 or", 14, "a condition is missing, the filter ends here: use src, dst"},
		{"spart = 80", 1, `a condition is missing, "spart" stands here`},
		{"( sport = 80", 1, `this "(" is never closed`},
		{"sport = 80 )", 12, `this ")" closes nothing`},
		{"sport = 80 ) or sport 3", 12, `this ")" closes nothing`},
		{"begin sport = 80", 1, `this "begin" is never closed: add "end"`},
		{"( sport = 80 end", 1, `this "(" is never closed`},
		{"sport = 80 end", 12, `this "end" closes nothing`},
		{"()", 2, "a condition is missing"},
		{"not", 4, "a condition is missing"},
		{"dst < 10.0.0.1", 5, `dst knows = and != only, not "<"`},
		{"dst 10.0.0.256", 5, `"10.0.0.256" is no IPv4 address`},
		{"dst 10.0.0.0/33", 14, `"33" is no prefix length: use 0 to 32`},
		{"dst [::1/129]", 10, `"129" is no prefix length: use 0 to 128`},
		{"dst 10/255.0.255.0", 8, "no prefix length"},
		{"dst [::1", 5, `closing "]"`},
		{"dst [::1]80", 5, "only /LEN and :PORT may follow"},
		{"dst 1:2:3", 5, "[ADDRESS]:PORT"},
		{"dst fd00::1:443", 5, `"fd00::1:443" may be an address, or an address and a port: write [fd00::1:443] or [fd00::1]:443`},
		{"sport 80 and src ::1:80", 18, "[::1:80] or [::1]:80"},
		{"src inet6:2001:db8::4:1", 11, "[2001:db8::4:1] or [2001:db8::4]:1"},
		{"src ::1:70000", 9, `port "70000" is not from 0 to 65535`},
		{"src ::1:nosuch", 9, `"nosuch" is no port`},
		{"dst fe80::1%eth0", 5, "dev"},
		{"dst 10.0.0.1:99999", 14, `port "99999"`},
		{"dst missing.example", 5, "no such name"},
		{"dst none.example", 5, "no address"},
		{"dst one.example/8", 5, "prefix length"},
		{"dst inet:::1", 10, "family"},
		{"dst inet6:10.0.0.1", 11, "family"},
		{"src link:nope:1", 10, "no Ethernet protocol"},
		{"src link:ip:nope", 13, "no interface"},
		{"src vsock:3", 5, "not covered"},
		{"sport netlink:3", 7, "not covered"},
		{"sport unix:/a", 12, "no ports"},
		{"sport < link:lo", 7, "= and != only"},
		{"dev nope", 5, "no interface"},
		{"dev < 3", 5, "= and != only"},
		{"fwmark x", 8, "is no mark"},
		{"fwmark 1/2/3", 8, "is no mark"},
		{"fwmark 0x100000000", 8, "is no mark"},
		{"cgroup /missing", 8, "no control group"},
		{"uid root", 5, "is no user: use"},
		{"state", 6, "a state is missing"},
		{"state foo", 7, `unknown state "foo"`},
		{"state all exclude all", 11, "no state is left"},
		{"sport 80 state all", 10, "first"},
		{"dst a|b", 5, `\x7c`},
		{"src *with*", 5, `a pattern of unix names is written "unix:*with*"`},
		{"dst \x1b[2J\xff`", 5, `\x1b[2J\xff\x60`},
		{strings.Repeat("(", 300), 201, "200"},
		{strings.Repeat("! ", 300), 401, "200"},
		{strings.Repeat(" ", MaxLength+1), MaxLength + 1, "longer"},
	}
	for _, tt := range tests {
		_, err := Parse(tt.text, testNames{})
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("Parse(%.40q) = %v, want a SyntaxError", tt.text, err)
			continue
		}
		if syntax.Column != tt.column || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("Parse(%.40q): column %d, %v, want column %d and %q", tt.text, syntax.Column, err, tt.column, tt.words)
		}
		if len(err.Error()) > 400 {
			t.Errorf("Parse(%.40q): a message of %d bytes", tt.text, len(err.Error()))
		}
	}
	_, err := Parse("dev nope", testNames{})
	if !errors.Is(err, errNoName) {
		t.Errorf("%v does not wrap the resolver's error", err)
	}
}

func TestWithoutResolver(t *testing.T) {
	for _, text := range []string{"sport http", "src one.example", "dev eth0", "cgroup /a"} {
		if f, err := Parse(text, nil); err == nil {
			t.Errorf("Parse(%q, nil) = %q, want an error", text, f)
		}
	}
	if _, err := Parse("sport 80 dev 3 cgroup 5 src 10/8", nil); err != nil {
		t.Error(err)
	}
}
