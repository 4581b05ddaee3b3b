package baseline

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

func TestProblems(t *testing.T) {
	const file = `# a comment
tcp 0.0.0.0:443 nginx   # web

tpc 0.0.0.0:80 nginx
tcp 0.0.0.300:80 nginx
tcp 0.0.0.0:99999 nginx
tcp 443 nginx
tcp
tcp 0.0.0.0:22
  udp	*:53 named extra
tcp 0.0.0.0:81 a,,b
tcp 0.0.0.0:82 "open
tcp 0.0.0.0:83 "a\qb"
tcp 0.0.0.0:84 a,a
tcp 0.0.0.0:443 nginx
tcp 0.0.0.0:443 apache2
#- tcp 0.0.0.0:443 switched-off
#- just words
ключ 0.0.0.0:85 x
tcp 0.0.0.0:86 "ключ" слово
tcp *:86 last,least
tcp *:86 least,last
tcp/443 nginx`
	f := Parse([]byte(file))
	var got []string
	for i := range f.Problems {
		got = append(got, f.Problems[i].Error())
	}
	want := []string{
		`line 4, column 1: unknown protocol "tpc": use tcp or udp`,
		`line 5, column 5: "0.0.0.300" is not an address: use one such as 0.0.0.0, 192.0.2.1, [::], [2001:db8::1], a network such as 10.0.0.0/8, or * for the wildcard address`,
		`line 6, column 13: "99999" is not a port: use one from 1 to 65535, or a range such as 8000-8080`,
		`line 7, column 5: "443" has no port: write ADDRESS:PORT, such as 0.0.0.0:443 or *:443`,
		`line 8, column 4: the address and port are missing, as in tcp 0.0.0.0:443 nginx`,
		`line 9, column 15: the program is missing: write its name, or * for any`,
		`line 10, column 18: unexpected "extra" after the program: join programs by commas, and put # before a comment`,
		`line 11, column 18: a program's name is missing beside the comma`,
		`line 12, column 16: the quotation mark is not closed`,
		`line 13, column 18: a backslash between quotation marks stands before a backslash, a quotation mark, or xHH`,
		`line 14, column 18: program "a" is named twice`,
		`line 15, column 1: tcp 0.0.0.0:443 is on line 2 already`,
		`line 16, column 1: tcp 0.0.0.0:443 is on line 2 already, with program nginx instead of apache2: join programs by commas in one line, or remove one line`,
		`line 19, column 1: unknown protocol "\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87": use tcp or udp`,
		`line 20, column 23: unexpected "\xd1\x81\xd0\xbb\xd0\xbe\xd0\xb2\xd0\xbe" after the program: join programs by commas, and put # before a comment`,
		`line 22, column 1: tcp *:86 is on line 21 already`,
		`line 23, column 4: a blank stands between protocol and address here, as in tcp 0.0.0.0:443 nginx`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	var rules []string
	for _, r := range f.Rules() {
		rules = append(rules, r.String())
	}
	// Nothing but the typos is lost.
	if diff := cmp.Diff([]string{"tcp 0.0.0.0:443 nginx,apache2", "tcp *:86 last,least"}, rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if got := string(f.Bytes()); got != file+"\n" {
		t.Errorf("an unchanged file is not written as it was:\n%s", cmp.Diff(file, got))
	}
}

func merged(t *testing.T, file string, listeners ...string) (string, []Change) {
	t.Helper()
	f := Parse([]byte(file))
	changes := f.Merge(listenAll(t, listeners...))
	return string(f.Bytes()), changes
}

func TestMergeNew(t *testing.T) {
	got, changes := merged(t, "", "udp 0.0.0.0:53 named", "tcp 0.0.0.0:443 nginx", "tcp [::]:443 nginx", "tcp 127.0.0.1:25 ?", "udp 0.0.0.0:2049 -",
		"tcp 0.0.0.0:80 my prog", "tcp 0.0.0.0:81 evil\x1b[31m\n", "tcp 0.0.0.0:82 a*", "tcp 0.0.0.0:83 -x", "tcp 0.0.0.0:443 apache2", "tcp 0.0.0.0:9 a,b")
	body, ok := strings.CutPrefix(got, Header)
	want := `tcp 0.0.0.0:9 a
tcp 127.0.0.1:25 *   # the program could not be seen
tcp 0.0.0.0:80 "my prog"
tcp 0.0.0.0:81 "evil\x1b[31m\x0a"
tcp 0.0.0.0:82 a\*
tcp 0.0.0.0:83 -x
tcp 0.0.0.0:443 apache2,nginx
tcp [::]:443 nginx
udp 0.0.0.0:53 named
udp 0.0.0.0:2049 -
`
	want = strings.Replace(want, `"evil\x1b[31m`, `"evil\x1b\\[31m`, 1)
	if diff := cmp.Diff(want, body); diff != "" || !ok {
		t.Errorf("header %t, -want +got:\n%s", ok, diff)
	}
	if len(changes) != 10 {
		t.Errorf("%d changes: %v", len(changes), changes)
	}
	// What was written is what is expected from then on.
	again, changes := merged(t, got, "udp 0.0.0.0:53 named", "tcp 0.0.0.0:443 nginx", "tcp [::]:443 nginx", "tcp 127.0.0.1:25 ?", "udp 0.0.0.0:2049 -",
		"tcp 0.0.0.0:80 my prog", "tcp 0.0.0.0:81 evil\x1b[31m\n", "tcp 0.0.0.0:82 a*", "tcp 0.0.0.0:83 -x", "tcp 0.0.0.0:443 apache2", "tcp 0.0.0.0:9 a,b")
	if again != got || changes != nil {
		t.Errorf("a second time changes %v", changes)
	}
}

const edited = `# This host's listeners, by the web team.

# ssh, for us alone
tcp 10.0.0.1:22 sshd     # not 0.0.0.0!

# the shop
tcp *:8000-8010 shop-*   # ten workers
tcp 0.0.0.0:443 nginx
`

func TestMergeKeepsComments(t *testing.T) {
	got, changes := merged(t, edited, "tcp 10.0.0.1:22 sshd", "tcp 0.0.0.0:8003 shop-3", "tcp 0.0.0.0:443 nginx", "tcp 127.0.0.1:25 master")
	want := strings.Replace(edited, "\n\n# the shop\n", "\ntcp 127.0.0.1:25 master\n\n# the shop\n", 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]Change{{Added: true, Text: "tcp 127.0.0.1:25 master"}}, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestMergeSwitchesLines(t *testing.T) {
	gone, changes := merged(t, edited, "tcp 10.0.0.1:22 sshd", "tcp 0.0.0.0:443 nginx")
	want := strings.Replace(edited, "tcp *:8000", "#- tcp *:8000", 1)
	if diff := cmp.Diff(want, gone); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]Change{{Line: 7, Text: "tcp *:8000-8010 shop-*   # ten workers"}}, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	back, changes := merged(t, gone, "tcp 10.0.0.1:22 sshd", "tcp 0.0.0.0:443 nginx", "tcp 0.0.0.0:8010 shop-10")
	if back != edited || len(changes) != 1 || !changes[0].Added || changes[0].Line != 7 {
		t.Errorf("a line whose listener is back: %v\n%s", changes, cmp.Diff(edited, back))
	}
}

func TestMergeAnotherProgram(t *testing.T) {
	got, _ := merged(t, edited, "tcp 10.0.0.1:22 sshd", "tcp 0.0.0.0:8000 shop-1", "tcp 0.0.0.0:443 haproxy")
	want := strings.Replace(edited, "tcp 0.0.0.0:443 nginx\n", "#- tcp 0.0.0.0:443 nginx\ntcp 0.0.0.0:443 haproxy\n", 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestMergeFirstLineBelowHeading(t *testing.T) {
	got, _ := merged(t, "# my host\ntcp 0.0.0.0:80 httpd\n", "tcp 0.0.0.0:22 sshd", "tcp 0.0.0.0:80 httpd")
	if want := "# my host\ntcp 0.0.0.0:22 sshd\ntcp 0.0.0.0:80 httpd\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(edited))
	f.Add([]byte(Header))
	f.Add([]byte("tcp 0.0.0.0:1 \"a\\x00\\\"\\\\b\",-,*  # x\r\n#- udp [::]/0:1-2 x"))
	f.Add([]byte("tcp [::/0]:1 \\\nudp *:1 [a"))
	f.Add([]byte("\xff\xfe tcp"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := Parse(data)
		lines := bytes.Count(data, []byte("\n")) + 1
		for i := range file.Problems {
			p := &file.Problems[i]
			if p.Line < 1 || p.Line > lines || p.Column < 1 {
				t.Fatalf("a problem outside the file: %v", p)
			}
			for _, c := range []byte(p.Error()) {
				if c < ' ' || c > '~' {
					t.Fatalf("a problem carries byte %#x: %q", c, p)
				}
			}
		}
		// Every line that counts reads back from how it is printed.
		for line := range file.lines() {
			again, bad := parseLine(line.String())
			if bad != nil || again == nil || again.String() != line.String() || again.Place != line.Place {
				t.Fatalf("%q is printed as %q, which reads as %v, %v", data, line, again, bad)
			}
		}
		if again := Parse(file.Bytes()); !bytes.Equal(again.Bytes(), file.Bytes()) {
			t.Fatalf("%q is not stable", data)
		}
		// A merge keeps every line, and a second one changes nothing.
		listeners := listenAll(t, "tcp 0.0.0.0:1 a", "udp [::]:1 \x00\xff ,#\"\\")
		before := len(file.rows)
		file.Merge(listeners)
		if len(file.rows) < before {
			t.Fatalf("%q: %d of %d lines are left", data, len(file.rows), before)
		}
		again := Parse(file.Bytes())
		if r := Compare(again.Rules(), listeners); len(r.Unexpected) > 0 {
			t.Fatalf("%q: a listener is unexpected after it was written:\n%s", data, file.Bytes())
		}
		if changes := again.Merge(listeners); len(changes) > 0 {
			t.Fatalf("%q: a second merge changes %v in\n%s", data, changes, file.Bytes())
		}
	})
}

// What is written down for any listeners expects just these, whatever their
// programs call themselves and whatever the file held before.
func FuzzMerge(f *testing.F) {
	f.Add("tcp *:80 *", "nginx", "-", uint16(80), true, false)
	f.Add("#- tcp [::]:80 a\ntcp 0.0.0.0/0:1-90 [x", "[x", "\\", uint16(80), false, true)
	f.Add("tcp *:80 \"\"", "", "*", uint16(80), true, true)
	f.Fuzz(func(t *testing.T, text, first, second string, port uint16, v6only, unseen bool) {
		if port == 0 || len(first) > maxName || len(second) > maxName {
			return
		}
		file := Parse([]byte(text))
		for _, p := range file.Problems {
			if p.Kind == Typo {
				return // baseline write refuses such a file
			}
		}
		listeners := []Listener{
			{Protocol: sock.TCP, Local: netip.AddrPortFrom(netip.IPv6Unspecified(), port), V6Only: v6only, Programs: []string{first}},
			{Protocol: sock.TCP, Local: netip.AddrPortFrom(netip.IPv4Unspecified(), port), Programs: []string{second}},
			{Protocol: sock.UDP, Local: netip.AddrPortFrom(netip.IPv6Loopback(), port), Loopback: true, Unseen: unseen},
		}
		file.Merge(listeners)
		again := Parse(file.Bytes())
		if r := Compare(again.Rules(), listeners); r.Differs() {
			t.Fatalf("%+v after\n%s", r, file.Bytes())
		}
		for _, p := range again.Problems {
			if p.Kind == Typo {
				t.Fatalf("%v in\n%s", &p, file.Bytes())
			}
		}
		if changes := again.Merge(listeners); len(changes) > 0 {
			t.Fatalf("a second merge changes %v in\n%s", changes, file.Bytes())
		}
	})
}
