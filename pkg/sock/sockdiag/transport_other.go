//go:build !linux

package sockdiag

import "errors"

var errPlatform = errors.New("only Linux has NETLINK_SOCK_DIAG")

func dialLink(int) (transport, error) { return nil, errPlatform }

func keepNamespace(int) (int, func() error, error) { return 0, nil, errPlatform }
