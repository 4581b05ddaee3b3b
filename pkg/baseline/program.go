package baseline

import (
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// Patterns of programs with a meaning of their own: any program or none, and
// the kernel, which needs no process for what it listens to itself.
const (
	AnyProgram = "*"
	Kernel     = "-"
)

// maxName is how much of its name a process keeps (TASK_COMM_LEN less the zero).
const maxName = 15

// A verdict says whether a listener is held by one of the programs of a rule.
type verdict uint8

const (
	differs verdict = iota
	unverified
	agrees
)

// held judges who holds a listener by patterns. One program that matches is
// enough: sockets are handed from one process to another.
func held(patterns []string, l *Listener) verdict {
	for _, pattern := range patterns {
		switch {
		case pattern == AnyProgram:
			return agrees
		case pattern == Kernel && len(l.Programs) == 0 && !l.Unseen:
			return agrees
		}
		for _, name := range l.Programs {
			if matchProgram(pattern, name) {
				return agrees
			}
		}
	}
	if len(l.Programs) == 0 && l.Unseen {
		return unverified
	}
	return differs
}

// matchProgram matches a process's name. The kernel cuts names: a longer one in
// the file means its beginning.
func matchProgram(pattern, name string) bool {
	if len(pattern) > maxName && !owner.IsGlob(pattern) {
		pattern = pattern[:maxName]
	}
	return pattern != Kernel && owner.Match(pattern, name)
}

// namesPrograms reports whether it takes a look at processes to tell if a
// listener is held by one of the programs.
func namesPrograms(patterns []string) bool { return !slices.Contains(patterns, AnyProgram) }

// pattern returns the pattern that matches a name and nothing else.
func pattern(name string) string {
	if name == Kernel {
		return `\` + name
	}
	var b strings.Builder
	for i := range len(name) {
		if strings.IndexByte(`*?[\`, name[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// programText writes patterns as they stand in a line: joined by commas, and
// between quotation marks where need be.
func programText(patterns []string) string {
	words := make([]string, len(patterns))
	for i, p := range patterns {
		words[i] = p
		if !isBare(p) {
			words[i] = spelled(p)
		}
	}
	return strings.Join(words, ",")
}

func isBare(pattern string) bool {
	for i := range len(pattern) {
		if c := pattern[i]; c <= ' ' || c > '~' || endsBare(c) {
			return false
		}
	}
	return pattern != ""
}

// endsBare reports whether a byte ends a pattern without quotation marks.
func endsBare(c byte) bool { return c == ' ' || c == '\t' || c == '#' || c == ',' || c == '"' }
