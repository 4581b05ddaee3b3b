package names

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// InterfaceIndex is the index of the network interface called name, in the network
// namespace of the thread that asks. It takes no rights. The error does not repeat
// the name.
//
// Kernel: net/core/dev_ioctl.c, SIOCGIFINDEX (netdevice(7)).
func InterfaceIndex(name string) (uint32, error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("a network interface's name has at most %d bytes", unix.IFNAMSIZ-1)
	}
	err = ask(unix.SIOCGIFINDEX, request)
	if errors.Is(err, unix.ENODEV) {
		return 0, errors.New("no network interface has this name here")
	}
	return request.Uint32(), err
}

// InterfaceName is the name of the network interface with an index, in the network
// namespace of the thread that asks.
//
// Kernel: net/core/dev_ioctl.c, SIOCGIFNAME.
func InterfaceName(index uint32) (string, error) {
	request, err := unix.NewIfreq("")
	if err != nil {
		return "", err
	}
	request.SetUint32(index)
	if err := ask(unix.SIOCGIFNAME, request); err != nil {
		return "", fmt.Errorf("no network interface has this index here: %w", err)
	}
	return request.Name(), nil
}

func ask(question uint, request *unix.Ifreq) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot ask for network interfaces: %w", err)
	}
	defer unix.Close(fd)
	return unix.IoctlIfreq(fd, question, request)
}
