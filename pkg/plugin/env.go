package plugin

import (
	"io"
	"strings"
	"time"
)

// An Env is the world of one run, so that every personality can be run on
// buffers.
type Env struct {
	// Args are the words of the command line, the program's name first.
	Args    []string
	Environ []string
	Stdout  io.Writer
	Stderr  io.Writer
	// Width is the number of columns of the terminal that Stdout is, and zero
	// where it is none.
	Width int
	// StderrWidth is the same of Stderr.
	StderrWidth int
	Now         func() time.Time
	// Exit ends the process, for a check that hangs in the kernel.
	Exit func(code int)
}

// Getenv returns the value of an environment variable, and "" where it is not
// set.
func (e Env) Getenv(name string) string {
	value, _ := e.LookupEnv(name)
	return value
}

// LookupEnv returns the value of an environment variable and whether it is set.
func (e Env) LookupEnv(name string) (string, bool) {
	for i := len(e.Environ) - 1; i >= 0; i-- {
		if key, value, ok := strings.Cut(e.Environ[i], "="); ok && key == name {
			return value, true
		}
	}
	return "", false
}
