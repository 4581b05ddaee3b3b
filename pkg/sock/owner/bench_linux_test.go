package owner_test

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// descriptors opens n descriptors, one in ten a socket bound to a udp port, and
// returns the inodes of those.
func descriptors(b *testing.B, n int) []uint64 {
	b.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < uint64(n+100) {
		b.Skipf("only %d descriptors are allowed, want %d", limit.Cur, n)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { null.Close() })
	var inodes []uint64
	for i := range n {
		var fd int
		if i%10 == 9 {
			fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		} else {
			fd, err = unix.FcntlInt(null.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { unix.Close(fd) })
		if i%10 != 9 {
			continue
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			b.Fatal(err)
		}
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			b.Fatal(err)
		}
		inodes = append(inodes, st.Ino)
	}
	return inodes
}

// BenchmarkFind walks 19,000 descriptors.
func BenchmarkFind(b *testing.B) {
	inodes := descriptors(b, 19_000)
	for _, c := range []struct {
		name   string
		wanted []uint64
		all    bool
	}{
		{"all-holders", inodes, true}, {"until-found", inodes, false}, {"one-socket", inodes[:1], false},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.ReportMetric(float64(walk(b, c.wanted, c.all)), "descriptors/op")
			}
		})
	}
}

// BenchmarkAgainstSS does the same in turns with the real ss, whose time for
// processes is that of `ss -Hunap` less that of `ss -Huna`. "ours/ss" is the median
// of the ratios.
func BenchmarkAgainstSS(b *testing.B) {
	if _, err := exec.LookPath("ss"); err != nil {
		b.Skip("ss of iproute2 is not installed")
	}
	inodes := descriptors(b, 19_000)
	var ratios []float64
	for b.Loop() {
		ours := took(func() { walk(b, inodes, true) })
		with := took(func() { ss(b, "-Hunap") })
		without := took(func() { ss(b, "-Huna") })
		ratios = append(ratios, float64(ours)/float64(with-without))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ours/ss")
}

func walk(b *testing.B, inodes []uint64, all bool) (descriptors int) {
	b.Helper()
	owners := find(b, kernfs.FS{}, owner.Options{AllHolders: all}, inodes...)
	if owners.Missing() > 0 {
		b.Fatalf("%d sockets not found", owners.Missing())
	}
	return owners.Descriptors
}

func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func ss(b *testing.B, options string) {
	b.Helper()
	if err := exec.Command("ss", options).Run(); err != nil {
		b.Fatalf("ss %s: %v", options, err)
	}
}
