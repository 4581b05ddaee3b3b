package opens

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestDelta(t *testing.T) {
	for name, test := range map[string]struct {
		prev, cur Mark
		want      uint64
	}{
		"rose":               {Mark{10, 5}, Mark{12, 5}, 2},
		"stood":              {Mark{10, 5}, Mark{10, 5}, 0},
		"fell":               {Mark{10, 5}, Mark{3, 5}, 3},
		"made anew":          {Mark{10, 5}, Mark{3, 6}, 3},
		"made anew and more": {Mark{10, 5}, Mark{30, 6}, 30},
		"no beginning known": {Mark{10, 0}, Mark{30, 0}, 20},
		"whole range":        {Mark{0, 1}, Mark{1<<64 - 1, 1}, 1<<64 - 1},
	} {
		if got := Delta(test.prev, test.cur); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
}

var web = Service{Port: 443}

func example() *Sample {
	return &Sample{
		Summary: Summary{
			Epoch:  Epoch{Boot: "boot", Generation: 7, Namespace: 1},
			Method: SockOps, Since: time.Hour, Taken: 2 * time.Hour,
			In: Flow{Opens: 30, Rest: 2}, Out: Flow{Opens: 4}, Lost: 1,
		},
		Wall:   time.Unix(1_700_000_000, 123).UTC(),
		Totals: []Total{{Service: web, Mark: Mark{28, 1}, Overflow: 8, Last: 9}, {Service: Service{22, Out}, Mark: Mark{4, 2}, Last: 5}},
		Peers: []Peer{
			{Service: web, Addr: netip.MustParseAddr("192.0.2.1"), Mark: Mark{15, 1}, Last: 9},
			{Service: web, Addr: netip.MustParseAddr("2001:db8::1"), Mark: Mark{5, 3}, Last: 8},
			{Service: Service{22, Out}, Addr: netip.MustParseAddr("192.0.2.2"), Mark: Mark{4, 2}, Last: 5},
		},
	}
}

func TestAfter(t *testing.T) {
	prev, cur := example(), example()
	cur.Taken += 5 * time.Minute
	cur.In = Flow{Opens: 40, Rest: 3}
	cur.Lost = 4
	cur.Totals[0].Opens, cur.Totals[0].Overflow = 37, 9
	cur.Peers[0].Opens = 20
	cur.Peers[1].Mark = Mark{3, 77} // taken away and made anew
	cur.Peers = append(cur.Peers, Peer{Service: web, Addr: netip.MustParseAddr("192.0.2.3"), Mark: Mark{1, 80}})
	d := cur.After(prev)
	if d.Reset || d.Length != 5*time.Minute || d.In != (Flow{10, 1}) || d.Out != (Flow{}) || d.Lost != 3 {
		t.Errorf("got %+v", d)
	}
	if len(d.Totals) != 1 || d.Totals[0].Opens != 9 || d.Totals[0].Overflow != 1 {
		t.Errorf("totals %+v", d.Totals)
	}
	got := map[string]uint64{}
	for _, p := range d.Peers {
		got[p.Addr.String()] = p.Opens
	}
	if want := map[string]uint64{"192.0.2.1": 5, "2001:db8::1": 3, "192.0.2.3": 1}; !cmp.Equal(got, want) {
		t.Errorf("peers %v, want %v", got, want)
	}
}

func TestAfterReset(t *testing.T) {
	for name, change := range map[string]func(*Sample){
		"reboot":    func(s *Sample) { s.Epoch.Boot = "other"; s.Since, s.Taken = time.Second, time.Minute },
		"reload":    func(s *Sample) { s.Epoch.Generation++ },
		"namespace": func(s *Sample) { s.Epoch.Namespace++ },
		"backwards": func(s *Sample) { s.Taken -= time.Minute },
	} {
		cur := example()
		change(cur)
		if d := cur.After(example()); !d.Reset || d.In != cur.In || d.Length != cur.Taken-cur.Since || len(d.Peers) != len(cur.Peers) {
			t.Errorf("%s: got %+v", name, d)
		}
	}
	if d := example().After(nil); !d.Reset || d.In.Opens != 30 {
		t.Errorf("nothing before: %+v", d)
	}
	flushed := example()
	flushed.In, flushed.Totals[0].Mark, flushed.Peers[0].Mark = Flow{}, Mark{0, 0}, Mark{2, 0}
	if d := flushed.After(example()); d.In.Opens != 0 || len(d.Peers) != 1 || d.Peers[0].Opens != 2 {
		t.Errorf("flushed: %+v", d)
	}
}

func TestSampleTravels(t *testing.T) {
	for name, want := range map[string]*Sample{"full": example(), "empty": {Wall: time.Unix(0, 0)}} {
		var file bytes.Buffer
		n, err := want.WriteTo(&file)
		if err != nil || n != int64(file.Len()) {
			t.Fatalf("%s: %d of %d, %v", name, n, file.Len(), err)
		}
		data := file.Bytes()
		got, err := ReadSample(&file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateApproxTime(0)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for i := range data {
			broken := append([]byte(nil), data...)
			broken[i] ^= 0x40
			if _, err := ReadSample(bytes.NewReader(broken)); !errors.Is(err, ErrSnapshot) && !errors.Is(err, ErrNewer) {
				t.Errorf("%s: byte %d changed: %v", name, i, err)
			}
			if _, err := ReadSample(bytes.NewReader(data[:i])); !errors.Is(err, ErrSnapshot) {
				t.Errorf("%s: cut at %d: %v", name, i, err)
			}
		}
		if _, err := ReadSample(bytes.NewReader(append(data, 0))); !errors.Is(err, ErrSnapshot) {
			t.Errorf("%s: something behind it: %v", name, err)
		}
	}
}

func FuzzReadSample(f *testing.F) {
	var file bytes.Buffer
	_, _ = example().WriteTo(&file)
	f.Add(file.Bytes())
	f.Add([]byte(snapshotMagic))
	f.Add([]byte(snapshotMagic + "\x01" + strings.Repeat("\xff", 200)))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = ReadSample(bytes.NewReader(data))
		// With the sum put right, so that it does not hide the rest from the fuzzer.
		data = data[:max(len(data)-4, 0)]
		data = binary.BigEndian.AppendUint32(data[:len(data):len(data)], crc32.ChecksumIEEE(data))
		sample, err := ReadSample(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if _, err := sample.WriteTo(&again); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSample(&again); err != nil {
			t.Errorf("what was read cannot be written and read: %v", err)
		}
	})
}

func TestSnapshotCounter(t *testing.T) {
	c := sampled{example()}
	var totals, peers int
	summary, err := c.Read(Query{Want: func(s Service) bool { return s == web }}, Visitor{
		Total: func(Total) error { totals++; return nil },
		Peer:  func(Peer) error { peers++; return nil },
	})
	if err != nil || totals != 1 || peers != 2 || summary.In.Opens != 30 {
		t.Errorf("%d totals, %d peers, %+v, %v", totals, peers, summary, err)
	}
	if _, err := c.Read(Query{Namespace: 99}, Visitor{}); !errors.Is(err, ErrSnapshot) {
		t.Errorf("another namespace: %v", err)
	}
	stop := errors.New("enough")
	if _, err := c.Read(Query{}, Visitor{Peer: func(Peer) error { return stop }}); !errors.Is(err, stop) {
		t.Errorf("the visitor's error: %v", err)
	}
	if status, err := c.Status(); err != nil || status.Overflow != 8+2 {
		t.Errorf("%+v, %v", status, err)
	}
}
