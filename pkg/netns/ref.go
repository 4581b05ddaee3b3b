package netns

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// Directories are where named namespaces are, in the order they are looked for.
// They are those of iproute2; one is usually a link to the other.
var directories = []string{"/run/netns", "/var/run/netns"}

// maxName is the longest name a file can have, maxPID the largest process id a
// kernel can be told to give (PID_MAX_LIMIT).
const (
	maxName = 255
	maxPath = 4095
	maxPID  = 4 << 20
)

// A Ref says which network namespace is meant. It has been checked for its form
// only; [Ref.Open] looks whether there is one. The zero value is the namespace
// that we are in.
type Ref struct {
	name string
	path string
	pid  int
}

// Parse reads NAME, PID or PATH: whatever has a slash is a path, digits alone are
// a process id unless a namespace has that name, and everything else is a name
// as `ip netns` shows it.
//
// The error is of type *[ParseError].
func Parse(text string) (Ref, error) {
	switch {
	case text == "":
		return Ref{}, &ParseError{Text: text, Reason: "it is empty"}
	case strings.ContainsRune(text, 0):
		return Ref{}, &ParseError{Text: text, Reason: "it has a zero byte"}
	case strings.Contains(text, "/"):
		if len(text) > maxPath {
			return Ref{}, &ParseError{Text: text, Reason: "the path is too long"}
		}
		return Ref{path: text}, nil
	case strings.Trim(text, "0123456789") == "" && !isNamed(text):
		pid, err := strconv.Atoi(text)
		if err != nil || pid < 1 || pid > maxPID {
			return Ref{}, &ParseError{Text: text, Reason: "no process can have this id"}
		}
		return Ref{pid: pid}, nil
	case !validName(text):
		return Ref{}, &ParseError{Text: text, Reason: "no namespace can have this name"}
	}
	return Ref{name: text}, nil
}

// isNamed reports whether a namespace has this name now.
func isNamed(name string) bool {
	return validName(name) && slices.ContainsFunc(directories, func(dir string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	})
}

func validName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= maxName &&
		!strings.ContainsAny(name, "/\x00")
}

// IsSet reports whether another namespace is meant than the one we are in.
func (r Ref) IsSet() bool { return r != Ref{} }

// PID is the process whose namespace is meant, 0 if it is named otherwise.
func (r Ref) PID() int { return r.pid }

// String is the reference as [Parse] reads it.
func (r Ref) String() string {
	switch {
	case r.pid != 0:
		return strconv.Itoa(r.pid)
	case r.path != "":
		return r.path
	}
	return r.name
}

// describe is the reference in a sentence.
func (r Ref) describe() string {
	switch {
	case !r.IsSet():
		return "our own network namespace"
	case r.pid != 0:
		return "the network namespace of process " + strconv.Itoa(r.pid)
	}
	return "network namespace " + quote.Text(r.String())
}

// Names are the named network namespaces of this host, sorted: what `ip netns
// list` shows. Directories that are not there or cannot be read have none.
func Names() []string {
	var names []string
	for _, dir := range directories {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			if validName(entry.Name()) && !entry.IsDir() {
				names = append(names, entry.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// candidates are the files that the reference may be, procRoot being /proc.
func (r Ref) candidates(procRoot string) []string {
	switch {
	case r.pid != 0:
		return []string{filepath.Join(procRoot, strconv.Itoa(r.pid), "ns", "net")}
	case r.path != "":
		return []string{r.path}
	case r.name == "":
		return []string{filepath.Join(procRoot, "thread-self", "ns", "net")}
	}
	paths := make([]string, 0, len(directories))
	for _, dir := range directories {
		paths = append(paths, filepath.Join(dir, r.name))
	}
	return paths
}
