package owner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/quote"
)

// ErrNoCgroups is a host, or a mount namespace, without a cgroup2 file system.
// `ip netns exec` hides it; `nsenter --net` does not.
var ErrNoCgroups = errors.New("no cgroup2 file system is mounted here")

// Cgroups translates between the paths of cgroups and the numbers that the socket
// table has for them. Paths begin with "/" at the mounted file system. Only cgroups
// of version 2 have such numbers.
type Cgroups struct {
	dir   string
	paths map[uint64]string
}

// OpenCgroups finds the cgroup2 file system.
func OpenCgroups(files kernfs.FS) (*Cgroups, error) {
	c := new(Cgroups)
	whole := false
	err := mounts(files, "cgroup2", func(m mount) bool {
		if whole = m.root == "/"; whole || c.dir == "" {
			c.dir = m.dir
		}
		return !whole
	})
	if err != nil {
		return nil, fmt.Errorf("cannot look for the cgroup2 file system: %w", err)
	}
	if c.dir == "" {
		return nil, ErrNoCgroups
	}
	return c, nil
}

// ID is the number of the cgroup at a path such as "/system.slice/nginx.service".
func (c *Cgroups) ID(name string) (uint64, error) {
	id, err := cgroupID(c.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("unknown cgroup %s: there is no %s", quote.Text(name), c.file(name))
	}
	return id, err
}

func (c *Cgroups) file(name string) string {
	return filepath.Join(c.dir, path.Clean("/"+c.below(name)))
}

// below takes the mount point off a path in the file system, which is what ss(8)
// takes: it prints paths from the root of the hierarchy.
func (c *Cgroups) below(name string) string {
	if rest, ok := strings.CutPrefix(name, c.dir); ok && (rest == "" || rest[0] == '/') {
		return "/" + strings.TrimPrefix(rest, "/")
	}
	return name
}

// IDs are the numbers of all cgroups whose path matches a pattern, see [Match]. The
// first "/" may be left out. A pattern that matches nothing is an error.
// Cgroups that are made later are not in it.
func (c *Cgroups) IDs(pattern string) ([]uint64, error) {
	if !IsGlob(pattern) {
		id, err := c.ID(pattern)
		if err != nil {
			return nil, err
		}
		return []uint64{id}, nil
	}
	if err := c.walk(); err != nil {
		return nil, err
	}
	pattern = c.below(pattern)
	var ids []uint64
	for id, name := range c.paths {
		if Match(pattern, name) || Match("/"+pattern, name) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("no cgroup matches %s below %s", quote.Text(pattern), c.dir)
	}
	slices.Sort(ids)
	return ids, nil
}

// Path is the path of the cgroup with a number, or "unreachable:" and the number in
// hex, as ss(8) writes it, for one that is gone or outside the mounted tree. The
// first call reads the names of all cgroups: going from a number straight to its
// directory (open_by_handle_at) takes CAP_DAC_READ_SEARCH.
func (c *Cgroups) Path(id uint64) string {
	// What could be walked is used; a tree that changes meanwhile is no error.
	_ = c.walk()
	if name, ok := c.paths[id]; ok {
		return name
	}
	return "unreachable:" + strconv.FormatUint(id, 16)
}

// walk reads the tree once.
func (c *Cgroups) walk() error {
	if c.paths != nil {
		return nil
	}
	c.paths = make(map[uint64]string)
	return c.walkBelow("/")
}

func (c *Cgroups) walkBelow(name string) error {
	id, err := cgroupID(c.file(name))
	if err != nil {
		return err
	}
	c.paths[id] = name
	entries, err := os.ReadDir(c.file(name))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		// A cgroup may end while the tree is walked, or be closed to us.
		err := c.walkBelow(path.Join(name, entry.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}
