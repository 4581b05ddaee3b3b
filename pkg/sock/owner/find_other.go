//go:build !linux

package owner

import (
	"context"
	"errors"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
)

// Find looks for the processes that hold the wanted sockets; only Linux can tell.
func Find(context.Context, kernfs.FS, *Inodes, Options) (*Owners, error) {
	return nil, errors.ErrUnsupported
}
