//go:build !linux

package opens

import (
	"errors"
	"time"
)

func unsupported() error {
	return failure(ErrRefused, errors.ErrUnsupported, "connections can be counted on Linux only")
}

// On is for Linux.
func On(Config) (Result, error) { return Result{}, unsupported() }

// Off is for Linux.
func Off(Config) error { return unsupported() }

// Open is for Linux.
func Open(Config) (Counter, error) { return nil, unsupported() }

// Watch is for Linux.
func Watch(Config, Query) (Watcher, error) { return nil, unsupported() }

// Evict is for Linux.
func Evict(Config, time.Duration) ([]Peer, error) { return nil, unsupported() }

// Publish is for Linux.
func Publish(Config, *Sample) error { return unsupported() }
