package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// helperVariable makes the test binary a program that listens and does nothing
// else: its arguments are sockets, and it ends when its input does.
const helperVariable = "LISTENERS_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperVariable) != "" {
		if err := helper(os.Args[1:]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func helper(sockets []string) error {
	for _, text := range sockets {
		if _, err := openSocket(text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// openSocket makes a socket out of "tcp,ADDR:PORT[,OPTION...]": an option is
// reuseport, v6only, dev=NAME, to=ADDR:PORT, or a number, which is the backlog.
func openSocket(text string) (int, error) {
	words := strings.Split(text, ",")
	local, err := netip.ParseAddrPort(words[1])
	if err != nil {
		return -1, err
	}
	family, kind := unix.AF_INET, unix.SOCK_STREAM
	if local.Addr().Is6() {
		family = unix.AF_INET6
	}
	if words[0] == "udp" {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	backlog, peer := 16, ""
	for _, option := range words[2:] {
		switch name, value, _ := strings.Cut(option, "="); name {
		case "reuseport":
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		case "v6only":
			err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
		case "dev":
			err = unix.BindToDevice(fd, value)
		case "to":
			peer = value
		default:
			backlog, err = strconv.Atoi(name)
		}
		if err != nil {
			return -1, err
		}
	}
	if err := unix.Bind(fd, sockaddr(local)); err != nil {
		return -1, err
	}
	switch {
	case peer != "":
		return fd, unix.Connect(fd, sockaddr(netip.MustParseAddrPort(peer)))
	case kind == unix.SOCK_STREAM:
		return fd, unix.Listen(fd, backlog)
	}
	return fd, nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
