package opens

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/netns"
)

// onSockOps loads, attaches and pins, or brings what is there up to date.
func onSockOps(c Config) (Change, error) {
	if err := prepareDir(c.dir()); err != nil {
		return "", err
	}
	lock, err := lockDir(c.dir())
	if err != nil {
		return "", err
	}
	defer lock.Close()

	change, err := refresh(c)
	switch {
	case errors.Is(err, ErrOff):
		change = Started
	case errors.Is(err, ErrBroken):
		change = Restarted
	default:
		return change, err
	}
	// Whatever half of a pin is there would be in the way.
	if err := unpin(c); err != nil {
		return "", err
	}
	if err := start(c); err != nil {
		_ = unpin(c)
		_ = lock.Close() // an open directory would keep the mount busy
		_ = leaveDir(c.dir())
		return "", err
	}
	return change, nil
}

// refresh keeps the tables that are there and sees that this version's program
// counts in them.
func refresh(c Config) (Change, error) {
	t, head, err := loadTables(c, false)
	if err != nil {
		return "", err
	}
	defer t.close()
	attached, err := link.LoadPinnedLink(c.pin(linkName), nil)
	if err != nil {
		// Without its pin the old program may still count for a while: with a second one
		// in the same tables everything would count twice.
		return "", failure(ErrBroken, err, "the pinned program in ", c.dir(), " cannot be opened: ", errno(err).Error())
	}
	defer attached.Close()
	if head.program >= programRevision {
		return Unchanged, nil
	}
	program, err := load(t)
	if err != nil {
		return "", err
	}
	defer program.Close()
	// One program takes the other's place between two events: none is missed, none
	// counted twice.
	if err := attached.Update(program); err != nil {
		return "", refused("put the new counting program in the place of the old", err)
	}
	return Upgraded, note(t, head)
}

// start makes everything anew.
func start(c Config) error {
	t, err := newTables(c.size())
	if err != nil {
		return err
	}
	defer t.close()
	var generation [8]byte
	_, _ = rand.Read(generation[:]) // never fails, by its documentation
	head := meta{
		layout:     layoutVersion,
		generation: order.Uint64(generation[:]),
		size:       uint32(c.size()),
	}
	head.namespace, _ = netns.Cookie()
	if err := attach(c, t, head); err != nil {
		return err
	}
	return t.pin(c)
}

// attach loads the program, attaches it to the root of cgroup2 beside what others
// have there, pins the link and notes the beginning.
func attach(c Config, t *tables, head meta) error {
	root, err := c.cgroupRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	program, err := load(t)
	if err != nil {
		return err
	}
	defer program.Close()
	attached, err := link.AttachRawLink(link.RawLinkOptions{
		Target: int(root.Fd()), Program: program, Attach: ebpf.AttachCGroupSockOps,
	})
	if err != nil {
		return refused("attach the counting program to cgroup2", err)
	}
	defer attached.Close()
	head.since = sinceBoot()
	head.passive, head.active = kernelCounts()
	if err := note(t, head); err != nil {
		return err
	}
	if err := attached.Pin(c.pin(linkName)); err != nil {
		return refused("pin the counting program in "+c.dir(), err)
	}
	if err := os.Chmod(c.pin(linkName), 0o600); err != nil {
		return refused("protect the pinned program", err)
	}
	return nil
}

func load(t *tables) (*ebpf.Program, error) {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name:         "opens_count",
		Type:         ebpf.SockOps,
		AttachType:   ebpf.AttachCGroupSockOps,
		Instructions: countProgram(t),
		License:      "Apache-2.0",
	})
	if err != nil {
		return nil, refused("load the counting program", err)
	}
	return program, nil
}

// note writes what is said about the tables.
func note(t *tables, head meta) error {
	head.program = programRevision
	if err := t.meta.Put(uint32(0), head.encode()); err != nil {
		return refused("note when counting began", err)
	}
	return nil
}

// kernelCounts is PassiveOpens and ActiveOpens of the calling thread's namespace;
// zeros where /proc tells nothing.
func kernelCounts() (passive, active uint64) {
	counters, err := kernfs.SNMP("/proc/thread-self/net")
	if err != nil {
		return 0, 0
	}
	passive, _ = counters.Uint("Tcp", "PassiveOpens")
	active, _ = counters.Uint("Tcp", "ActiveOpens")
	return passive, active
}

// unpin removes the pins of this version, the program first, so that nothing
// counts where nobody can read.
func unpin(c Config) error {
	names := append([]string{linkName, metaName}, tableNames[:len(tableNames)-1]...)
	for _, name := range names {
		if err := os.Remove(c.pin(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			if errors.Is(err, fs.ErrPermission) {
				return failure(ErrPermission, err, "no right to remove ", c.pin(name), ": run as root")
			}
			return failure(ErrBroken, err, "cannot remove ", c.pin(name), ": ", errno(err).Error())
		}
	}
	return nil
}

// offSockOps removes program, tables and our mount. ErrOff: there was nothing.
func offSockOps(c Config) error {
	lock, err := lockDir(c.dir())
	if errors.Is(err, fs.ErrNotExist) {
		return off(c)
	}
	if err != nil {
		return err
	}
	nothing, err := nothingToRemove(c)
	if err == nil {
		err = unpin(c)
	}
	_ = lock.Close() // an open directory would keep the mount busy
	if err != nil {
		return err
	}
	if err := leaveDir(c.dir()); err != nil {
		return err
	}
	if nothing {
		return off(c)
	}
	return nil
}

// nothingToRemove reports that there are no pins; tables of a newer version are an
// error, since we do not know what belongs to them.
func nothingToRemove(c Config) (bool, error) {
	t := new(tables)
	_, err := loadMeta(c, t, true)
	t.close()
	switch {
	case err == nil || errors.Is(err, ErrBroken):
		return false, nil
	case !errors.Is(err, ErrOff):
		return false, err
	}
	_, err = os.Lstat(c.pin(linkName))
	return errors.Is(err, fs.ErrNotExist), nil
}
