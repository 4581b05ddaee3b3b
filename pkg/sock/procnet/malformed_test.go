package procnet

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

func allTables() []table {
	var all []table
	for _, p := range sock.Protocols() {
		all = append(all, tables(p)...)
	}
	return all
}

// A bad line is named, and no other is lost.
func TestMalformedLine(t *testing.T) {
	for _, name := range []string{"tcp", "udp6", "unix", "packet", "sctp/eps"} {
		for _, bad := range []string{"", "garbage", "   0: 0100007F:A09F", "\x00\xff|`", strings.Repeat("9", 300), "  -1: 0100007F:A09F 00000000:0000 0A"} {
			dir := without(t)
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.SplitAfter(string(data), "\n")
			lines[0] += bad + "\n" // as line 2
			data = []byte(strings.Join(lines, "") + bad + "\n")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, tab := range allTables() {
				if tab.name != name {
					continue
				}
				want := mustCollect(t, Request{Protocol: tab.protocol})
				got, err := collect(t, openCaptured(dir), Request{Protocol: tab.protocol})
				var malformed *MalformedError
				if !errors.As(err, &malformed) || malformed.Line != 2 || malformed.Path != path || malformed.Count != 2 {
					t.Errorf("%s with %q: %v, want line 2 of %s and one more", name, bad, err, path)
				}
				if len(got) != len(want) {
					t.Errorf("%s with %q: %d sockets, want all %d", name, bad, len(got), len(want))
				}
			}
		}
	}
}

// A file that ends anywhere gives the rows before the end, and an error unless it
// ends with a row.
func TestTruncatedFile(t *testing.T) {
	for _, tab := range allTables() {
		data, err := os.ReadFile(filepath.Join(captured, tab.name))
		if err != nil {
			t.Fatal(err)
		}
		for cut := range data {
			rows, bad := readBytes(t, tab, data[:cut])
			whole, _ := readBytes(t, tab, data[:bytes.LastIndexByte(data[:cut], '\n')+1])
			if rows != whole && rows != whole+1 {
				t.Fatalf("%s cut at %d: %d rows, want %d", tab.name, cut, rows, whole)
			}
			if cut == 0 && bad == 0 {
				t.Errorf("%s: an empty file is no error", tab.name)
			}
		}
		if rows, bad := readBytes(t, tab, data); bad != 0 || rows == 0 {
			t.Errorf("%s: %d rows, %d bad lines", tab.name, rows, bad)
		}
	}
}

// A row that was cut within the inode does not pass for another socket.
func TestTruncatedInode(t *testing.T) {
	const row = "header local_address\n   0: 0100007F:A09F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1699"
	if rows, bad := readBytes(t, tcpTable(), []byte(row)); rows != 0 || bad != 1 {
		t.Errorf("%d rows, %d bad lines, want 0 and 1", rows, bad)
	}
}

func readBytes(t *testing.T, tab table, data []byte) (rows, bad int) {
	t.Helper()
	err := tab.read(context.Background(), kernfs.NewLines(bytes.NewReader(data)),
		func(*sock.Socket) error { rows++; return nil },
		func(int, []byte, string) { bad++ })
	if err != nil && !errors.Is(err, kernfs.ErrTooLarge) {
		t.Fatal(err)
	}
	return rows, bad
}

func TestNoAllocationPerRow(t *testing.T) {
	for _, name := range []string{"tcp", "tcp6", "udp", "udp6", "raw"} {
		data, err := os.ReadFile(filepath.Join(captured, name))
		if err != nil {
			t.Fatal(err)
		}
		line := bytes.Split(data, []byte("\n"))[1]
		for _, tab := range allTables() {
			if tab.name != name {
				continue
			}
			var (
				s sock.Socket
				c cursor
			)
			if n := testing.AllocsPerRun(100, func() {
				c = cursor{rest: line}
				tab.parse(&c, &tab, &s)
			}); n > 0 {
				t.Errorf("%s: %v allocations a row", name, n)
			}
		}
	}
}

func fuzzTable(f *testing.F, tab table) {
	data, err := os.ReadFile(filepath.Join(captured, tab.name))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for line := range bytes.Lines(data) {
		f.Add(append([]byte(tab.header+"\n"), line...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, bad := readBytes(t, tab, data)
		if lines := bytes.Count(data, []byte("\n")) + 1; rows+bad > lines {
			t.Errorf("%d rows and %d bad lines of %d", rows, bad, lines)
		}
	})
}

func FuzzTCP(f *testing.F)              { fuzzTable(f, tcpTable()) }
func FuzzTCP6(f *testing.F)             { fuzzTable(f, tcp6Table()) }
func FuzzUDP(f *testing.F)              { fuzzTable(f, udpTable("udp", sock.UDP)) }
func FuzzUDP6(f *testing.F)             { fuzzTable(f, udp6Table("udp6", sock.UDP)) }
func FuzzRaw(f *testing.F)              { fuzzTable(f, rawTable()) }
func FuzzRaw6(f *testing.F)             { fuzzTable(f, raw6Table()) }
func FuzzUnix(f *testing.F)             { fuzzTable(f, unixTable()) }
func FuzzPacket(f *testing.F)           { fuzzTable(f, packetTable()) }
func FuzzSCTPEndpoints(f *testing.F)    { fuzzTable(f, sctpEndpointTable()) }
func FuzzSCTPAssociations(f *testing.F) { fuzzTable(f, sctpAssociationTable()) }

func TestDecimalLimit(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit uint64
		ok    bool
	}{
		{"0", 0, true}, {"1", 0, false}, {"5", 1, false}, {"10", 9, false}, {"255", 255, true}, {"256", 255, false},
		{"18446744073709551615", 1<<64 - 1, true}, {"18446744073709551616", 1<<64 - 1, false}, {"", 9, false}, {"-1", 9, false},
	} {
		cur := cursor{rest: []byte(c.text)}
		cur.decimal(c.limit, "bad")
		if got := cur.problem == ""; got != c.ok {
			t.Errorf("%q up to %d: %v, want %v", c.text, c.limit, got, c.ok)
		}
	}
}
