package opens_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// Off removes the directories that On made, and no others, by whatever method it
// counted and on whatever they lie.
func TestOffLeavesWhatWasThere(t *testing.T) {
	testhost.NeedRoot(t)
	for name, method := range map[string]opens.Method{"sockops": opens.SockOps, "nft": opens.NFT, "auto": opens.Auto} {
		for _, mode := range []os.FileMode{0, 0o755, 0o711} {
			for _, bpffs := range []bool{false, true} {
				base := publicDir(t)
				if bpffs {
					if err := unix.Mount("bpf", base, "bpf", 0, "mode=0755"); err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = unix.Unmount(base, unix.MNT_DETACH) })
				}
				if bpffs && method == opens.NFT {
					continue // its note is a file
				}
				c := opens.Config{Dir: filepath.Join(base, "sockcensus", "bpf"), Method: method}
				if mode != 0 {
					if err := os.MkdirAll(c.Dir, mode); err != nil {
						t.Fatal(err)
					}
				}
				ns := testhost.NewNetns(t)
				switchOn(t, ns, c)
				switchOn(t, ns, c)
				if err := ns.Do(func() error { return opens.Off(c) }); err != nil {
					t.Fatal(err)
				}
				info, err := os.Stat(c.Dir)
				if mode != 0 && err != nil || mode == 0 && err == nil {
					t.Errorf("%s, mode %o, bpffs %t: after off %s: %v", name, mode, bpffs, c.Dir, err)
				}
				if mode != 0 && !bpffs && info.Mode().Perm() != mode {
					t.Errorf("%s: mode %o became %v", name, mode, info.Mode())
				}
				_, err = os.Stat(filepath.Dir(c.Dir))
				if mode != 0 && err != nil || mode == 0 && err == nil {
					t.Errorf("%s, mode %o, bpffs %t: the directory around: %v", name, mode, bpffs, err)
				}
			}
		}
	}
}
