package age_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/sock/age"
)

var here = age.Identity{Boot: [16]byte{1, 2, 3}, Namespace: 7, Selection: 9}

// run looks once at a table that holds these cookies.
func run(t *testing.T, b *age.Book, began, ended time.Duration, complete bool, cookies ...uint64) (*age.Book, []age.Age) {
	t.Helper()
	r, err := b.Begin(began, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ages []age.Age
	for _, c := range cookies {
		ages = append(ages, r.See(c))
	}
	return kept(t, r.End(ended, complete)), ages
}

// kept is the book after having been written and read.
func kept(t *testing.T, b *age.Book) *age.Book {
	t.Helper()
	again, err := age.Decode(b.Append(nil), here)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestFirstRunProvesNothing(t *testing.T) {
	b, ages := run(t, age.New(here), 100*time.Second, 100*time.Second, true, 5, 6, 0)
	for i, a := range ages {
		if a != age.Unknown() {
			t.Errorf("age %d = %v, want unknown", i, a)
		}
	}
	if b.Len() != 2 || b.Empty() {
		t.Errorf("the book holds %d, want 2", b.Len())
	}
}

func TestSeenBeforeIsOlder(t *testing.T) {
	b, _ := run(t, age.New(here), 100*time.Second, 100500*time.Millisecond+1, true, 5, 6)
	// What a run saw counts from its end, rounded up: never too old.
	_, ages := run(t, b, 106*time.Second, 106*time.Second, true, 5, 7)
	if want := (age.Age{Min: 5499 * time.Millisecond, Max: age.Unbounded}); ages[0] != want {
		t.Errorf("a connection seen before: %v, want %v", ages[0], want)
	}
	if want := (age.Age{Max: 6 * time.Second}); ages[1] != want {
		t.Errorf("a connection not seen before: %v, want %v", ages[1], want)
	}
}

func TestGoneConnectionsAreDropped(t *testing.T) {
	b, _ := run(t, age.New(here), 1*time.Second, 1*time.Second, true, 5, 6, 8)
	b, _ = run(t, b, 10*time.Second, 10*time.Second, true, 6)
	if b.Len() != 1 {
		t.Errorf("the book holds %d, want 1", b.Len())
	}
	_, ages := run(t, b, 20*time.Second, 20*time.Second, true, 6)
	if ages[0].Min != 19*time.Second {
		t.Errorf("age = %v, want at least 19s: the first time counts, not the last", ages[0])
	}
}

func TestInterruptedRunProvesNoYouth(t *testing.T) {
	b, _ := run(t, age.New(here), 1*time.Second, 1*time.Second, true, 5, 6)
	b, _ = run(t, b, 10*time.Second, 10*time.Second, false, 6)
	if b.Len() != 2 {
		t.Fatalf("the book holds %d, want 2: an interrupted run drops nothing", b.Len())
	}
	_, ages := run(t, b, 20*time.Second, 20*time.Second, true, 5, 9)
	if ages[0].Min != 19*time.Second {
		t.Errorf("age = %v, want at least 19s", ages[0])
	}
	if ages[1] != age.Unknown() {
		t.Errorf("age = %v, want unknown after an interrupted run", ages[1])
	}
}

func TestLimitKeepsTheOldest(t *testing.T) {
	r, _ := age.New(here).Begin(1*time.Second, 2)
	r.See(10)
	r.See(20)
	b := r.End(1*time.Second, true)
	r, _ = b.Begin(5*time.Second, 2)
	for cookie := uint64(1); cookie <= 20; cookie++ {
		r.See(cookie)
	}
	b = kept(t, r.End(5*time.Second, true))
	if b.Len() != 2 {
		t.Fatalf("the book holds %d, want 2", b.Len())
	}
	r, _ = b.Begin(9*time.Second, 2)
	if a := r.See(10); a.Min != 8*time.Second {
		t.Errorf("age of the oldest = %v, want at least 8s", a)
	}
	if a := r.See(3); a != age.Unknown() {
		t.Errorf("age of one that was dropped = %v, want unknown", a)
	}
}

func TestOtherSelectionProvesOnlyOldAge(t *testing.T) {
	b, _ := run(t, age.New(here), 1*time.Second, 1*time.Second, true, 5)
	other := here
	other.Selection++
	b, err := age.Decode(b.Append(nil), other)
	if err != nil {
		t.Fatal(err)
	}
	if !b.Empty() {
		t.Error("the book knows a run that asked for the same")
	}
	r, _ := age.New(other).Begin(500*time.Millisecond, 0)
	r.See(6)
	own := r.End(500*time.Millisecond, true)
	for _, joined := range []*age.Book{age.Join(own, b), age.Join(b, own)} {
		if joined.Empty() || joined.Len() != 1 {
			t.Errorf("joined with an earlier run that asked for the same, the book holds %d, empty %v", joined.Len(), joined.Empty())
		}
	}
	r, _ = b.Begin(9*time.Second, 0)
	if a := r.See(5); a.Min != 8*time.Second {
		t.Errorf("age = %v, want at least 8s", a)
	}
	if a := r.See(6); a != age.Unknown() {
		t.Errorf("age = %v, want unknown", a)
	}
}

func TestForeignBooks(t *testing.T) {
	b, _ := run(t, age.New(here), 1*time.Second, 1*time.Second, true, 5)
	rebooted, elsewhere := here, here
	rebooted.Boot[0]++
	elsewhere.Namespace++
	good := b.Append(nil)
	version := bytes.Clone(good)
	version[7]++
	for _, c := range []struct {
		name string
		data []byte
		id   age.Identity
		want error
	}{
		{"rebooted", good, rebooted, age.ErrRebooted},
		{"elsewhere", good, elsewhere, age.ErrNamespace},
		{"version", version, here, age.ErrVersion},
		{"text", []byte("hello\n"), here, age.ErrDamaged},
		{"nothing", nil, here, nil},
	} {
		got, err := age.Decode(c.data, c.id)
		if !errors.Is(err, c.want) || got == nil || got.Len() != 0 {
			t.Errorf("%s: %v, want an empty book and %v", c.name, err, c.want)
		}
	}
}

// Every byte that is changed and every length that is cut is noticed.
func TestDamage(t *testing.T) {
	b, _ := run(t, age.New(here), 1*time.Second, 1*time.Second, true, 5, 1000, 1<<40, 1<<63)
	good := b.Append(nil)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if _, err := age.Decode(bad, here); err == nil {
			t.Errorf("byte %d changed: no error", i)
		}
		if _, err := age.Decode(good[:i], here); i > 0 && !errors.Is(err, age.ErrDamaged) {
			t.Errorf("cut to %d bytes: %v, want ErrDamaged", i, err)
		}
	}
	if _, err := age.Decode(append(good, 0), here); !errors.Is(err, age.ErrDamaged) {
		t.Errorf("a byte more: %v, want ErrDamaged", err)
	}
}

func TestFutureBook(t *testing.T) {
	b, _ := run(t, age.New(here), 100*time.Second, 100*time.Second, true, 5)
	r, err := b.Begin(50*time.Second, 0)
	if !errors.Is(err, age.ErrFuture) {
		t.Fatalf("error = %v, want ErrFuture", err)
	}
	if a := r.See(5); a != age.Unknown() {
		t.Errorf("age = %v, want unknown", a)
	}
	if n := r.End(50*time.Second, true).Len(); n != 1 {
		t.Errorf("the new book holds %d, want 1", n)
	}
}

// Two looks in one run, min-age apart, decide about every connection.
func TestSecondLook(t *testing.T) {
	const minAge = 5 * time.Second
	first, second := 100234567*time.Microsecond, 100234567*time.Microsecond+20*time.Millisecond
	b, _ := run(t, age.New(here), first, second, true, 5)
	_, ages := run(t, b, second+minAge+time.Millisecond, second+minAge+time.Second, true, 5, 6)
	if got := ages[0].AtLeast(minAge); got != age.Older {
		t.Errorf("there at both looks: %v (%v), want older", got, ages[0])
	}
	if got := ages[1].AtLeast(minAge); got != age.Undecided {
		t.Errorf("there at the second: %v (%v), want undecided: it may have come during the first", got, ages[1])
	}
	if got := ages[1].AtLeastAbout(minAge, 25*time.Millisecond); got != age.Younger {
		t.Errorf("there at the second: %v (%v), want younger but for the time of the first look", got, ages[1])
	}
}

// A million connections must not write a gigabyte.
func TestSize(t *testing.T) {
	r, _ := age.New(here).Begin(time.Hour, 0)
	for i := range uint64(200_000) {
		r.See(100_000_000 + i*3)
	}
	data := r.End(time.Hour, true).Append(nil)
	if perSocket := float64(len(data)) / 200_000; perSocket > 2.1 {
		t.Errorf("%.1f bytes a connection, want 2", perSocket)
	}
}

func FuzzDecode(f *testing.F) {
	r, _ := age.New(here).Begin(time.Second, 0)
	f.Add(age.New(here).Append(nil))
	r.See(5)
	r.See(99)
	f.Add(r.End(3*time.Second, true).Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		decodes(t, data)
		// With a right checksum behind it, the rest has to stand up by itself.
		if len(data) > 4 {
			data = data[:len(data)-4]
		}
		decodes(t, binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(data)))
	})
}

func decodes(t *testing.T, data []byte) {
	b, err := age.Decode(data, here)
	if b == nil {
		t.Fatal("no book")
	}
	if err != nil {
		return
	}
	again, err := age.Decode(b.Append(nil), here)
	if err != nil || again.Len() != b.Len() {
		t.Fatalf("decoding what was encoded: %v, %d connections, want %d", err, again.Len(), b.Len())
	}
}

// What TCP_INFO proved while a connection was idle still holds when it is busy.
func TestOtherProofIsRemembered(t *testing.T) {
	r, _ := age.New(here).Begin(100*time.Second, 0)
	if got, want := r.SeeWith(5, age.Age{Min: 40 * time.Second, Max: age.Unbounded}), (age.Age{Min: 40 * time.Second, Max: age.Unbounded}); got != want {
		t.Errorf("SeeWith = %v, want %v", got, want)
	}
	r.SeeWith(6, age.Unknown())
	b := kept(t, r.End(101*time.Second, true))
	_, ages := run(t, b, 110*time.Second, 110*time.Second, true, 5, 6)
	if ages[0].Min != 49*time.Second || ages[1].Min != 9*time.Second {
		t.Errorf("at least %v and %v, want 49s and 9s", ages[0].Min, ages[1].Min)
	}
	// The better of two proofs stays, whichever it is.
	r, _ = b.Begin(110*time.Second, 0)
	r.SeeWith(5, age.Age{Min: 3 * time.Second, Max: age.Unbounded})
	r.SeeWith(6, age.Age{Min: 9001 * time.Millisecond, Max: age.Unbounded})
	_, ages = run(t, kept(t, r.End(111*time.Second, true)), 120*time.Second, 120*time.Second, true, 5, 6)
	if ages[0].Min != 59*time.Second || ages[1].Min != 19*time.Second {
		t.Errorf("at least %v and %v, want 59s and 19s", ages[0].Min, ages[1].Min)
	}
	// A proof of an age beyond the host's uptime is cut there.
	r, _ = age.New(here).Begin(time.Second, 0)
	r.SeeWith(5, age.Age{Min: time.Hour, Max: age.Unbounded})
	_, ages = run(t, kept(t, r.End(time.Second, true)), 2*time.Second, 2*time.Second, true, 5)
	if ages[0].Min != 2*time.Second {
		t.Errorf("at least %v, want the uptime of 2s", ages[0].Min)
	}
}

func TestWithoutYouth(t *testing.T) {
	b, _ := run(t, age.New(here), 1*time.Second, 1*time.Second, true, 5)
	_, ages := run(t, kept(t, b.WithoutYouth()), 4*time.Second, 4*time.Second, true, 5, 6)
	if ages[0].Min != 3*time.Second || ages[1] != age.Unknown() {
		t.Errorf("%v, want an old one and one of which nothing is known", ages)
	}
}

// Two runs at once: whichever writes last, what both know holds.
func TestJoin(t *testing.T) {
	first, _ := run(t, age.New(here), 10*time.Second, 10*time.Second, true, 5, 6)
	long, _ := run(t, first, 20*time.Second, 30*time.Second, true, 5, 6, 7)
	short, _ := run(t, first, 25*time.Second, 26*time.Second, true, 5, 7, 8)
	for _, joined := range []*age.Book{age.Join(long, short), age.Join(short, long)} {
		_, ages := run(t, kept(t, joined), 40*time.Second, 40*time.Second, true, 5, 6, 7, 8)
		for i, want := range []age.Age{
			{Min: 30 * time.Second, Max: age.Unbounded},
			{Min: 30 * time.Second, Max: age.Unbounded},
			{Min: 14 * time.Second, Max: age.Unbounded}, // the short run saw it earlier
			{Max: 20 * time.Second},                     // the long run began at 20s and did not see it
		} {
			if ages[i] != want {
				t.Errorf("connection %d: %v, want %v", i, ages[i], want)
			}
		}
	}
}
