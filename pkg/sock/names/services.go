package names

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
)

// ServicesFile is where services have their ports, services(5).
const ServicesFile = "/etc/services"

// Services translates between the names of services and ports. It knows the
// services file alone. Of several entries the first in the file counts.
type Services struct {
	path  string
	names map[portKey]string
	err   error
}

// NewServices takes the path of a services file; empty means [ServicesFile].
func NewServices(path string) *Services {
	if path == "" {
		path = ServicesFile
	}
	return &Services{path: path}
}

// A portKey is a port of a protocol such as "tcp".
type portKey struct {
	port     uint16
	protocol string
}

// Port is the port of a service, called by its name or an alias, for a protocol
// such as "tcp". A service that is not known for the protocol has the port that it
// has for another one. The error does not repeat the name.
func (s *Services) Port(name, protocol string) (uint16, error) {
	var port uint16
	found, exact := false, false
	err := s.read(func(e service) bool {
		if !e.called(name) {
			return true
		}
		exact = string(e.protocol) == protocol
		if exact || !found {
			port, found = e.port, true
		}
		return !exact
	})
	switch {
	case found:
		return port, nil
	case err != nil:
		return 0, fmt.Errorf("the names of services cannot be read (%w): use the port's number", err)
	}
	return 0, fmt.Errorf("no service of this name is in %s: use the port's number", s.path)
}

// Name is the name of the service on a port of a protocol such as "tcp", and the
// port's number where none is known.
func (s *Services) Name(port uint16, protocol string) string {
	if s.names == nil {
		s.load()
	}
	if name, ok := s.names[portKey{port, protocol}]; ok {
		return name
	}
	return strconv.Itoa(int(port))
}

// Err is why names could not be read, so that numbers are shown instead.
func (s *Services) Err() error { return s.err }

func (s *Services) load() {
	s.names = make(map[portKey]string)
	s.err = s.read(func(e service) bool {
		key := portKey{e.port, string(e.protocol)}
		if _, ok := s.names[key]; !ok {
			s.names[key] = string(e.name)
		}
		return true
	})
}

// read calls yield for each entry until it returns false. Lines of another form
// are left out, as the C library does.
func (s *Services) read(yield func(service) bool) error {
	file, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := kernfs.NewLines(file)
	for lines.Next() {
		if e, ok := parseService(lines.Bytes()); ok && !yield(e) {
			return nil
		}
	}
	return lines.Err()
}

// A service is a line of the file. Its parts are those of a reused buffer.
type service struct {
	name, protocol, aliases []byte
	port                    uint16
}

// https  443/tcp  alias  # comment
func parseService(line []byte) (service, bool) {
	line, _, _ = bytes.Cut(line, []byte("#"))
	var e service
	var number []byte
	e.name, line = kernfs.Field(line)
	number, e.aliases = kernfs.Field(line)
	number, protocol, ok := bytes.Cut(number, []byte("/"))
	if !ok || len(protocol) == 0 {
		return e, false
	}
	port, ok := kernfs.ParseUint(number)
	e.protocol, e.port = protocol, uint16(port)
	return e, ok && port <= 65535
}

func (e *service) called(name string) bool {
	if string(e.name) == name {
		return true
	}
	for alias, rest := kernfs.Field(e.aliases); len(alias) > 0; alias, rest = kernfs.Field(rest) {
		if string(alias) == name {
			return true
		}
	}
	return false
}
