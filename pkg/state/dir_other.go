//go:build !linux

package state

import (
	"errors"
	"time"
)

type directory struct{}

func openDir(path string) (*directory, error) {
	return nil, &DirError{Dir: path, Err: errors.ErrUnsupported}
}

func (d *directory) close() {}

func (d *directory) read(string, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func (d *directory) lock(string) (func(), error) { return nil, errors.ErrUnsupported }

func (d *directory) replace(string, []byte) error { return errors.ErrUnsupported }

func (d *directory) sweep(string, time.Time) {}
