package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The established hash of a namespace made from this one, and of this one; the
// second is negative where it is the host's. Documentation/networking/ip-sysctl.rst.
const (
	childHashFile = "/proc/sys/net/ipv4/tcp_child_ehash_entries"
	hashFile      = "/proc/sys/net/ipv4/tcp_ehash_entries"
)

// errRights means that namespaces may not be made here.
var errRights = errors.New("network namespaces need root (CAP_SYS_ADMIN)")

// namespace is a network namespace that lasts as long as something is in it.
type namespace struct{ file *os.File }

// newNamespace makes a namespace with an established hash of its own and the
// loopback interface up, and leaves the calling thread in it. The setting that
// gives it the hash is made in an intermediate namespace: the host's stays as it is.
func newNamespace(buckets int) (*namespace, error) {
	if err := unshareNet(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(childHashFile, strconv.AppendInt(nil, int64(buckets), 10), 0); err != nil {
		return nil, fmt.Errorf("this kernel cannot give a namespace its own established hash (since Linux 6.1): %w", err)
	}
	if err := unshareNet(); err != nil {
		return nil, err
	}
	own, err := os.ReadFile(hashFile)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(string(own), "-") {
		return nil, fmt.Errorf("the namespace has no established hash of its own: %s says %s", hashFile, strings.TrimSpace(string(own)))
	}
	if err := loopbackUp(); err != nil {
		return nil, fmt.Errorf("switching lo on: %w", err)
	}
	file, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	return &namespace{file}, nil
}

func unshareNet() error {
	err := unix.Unshare(unix.CLONE_NEWNET)
	if errors.Is(err, unix.EPERM) {
		return errRights
	}
	if err != nil {
		return fmt.Errorf("making a network namespace: %w", err)
	}
	return nil
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}

// enter puts the calling thread, and what it starts from now on, into the namespace.
func (n *namespace) enter() error {
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the network namespace: %w", err)
	}
	return nil
}

func (n *namespace) close() { n.file.Close() }
