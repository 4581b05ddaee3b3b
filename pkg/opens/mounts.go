package opens

import (
	"bytes"
	"strings"
)

// A mount is one line of /proc/self/mounts (fstab(5)).
type mount struct{ source, point, kind string }

// parseMounts hands each mount to visit until it returns false. Lines that are no
// mounts are passed over.
func parseMounts(data []byte, visit func(mount) bool) {
	for len(data) > 0 {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte("\n"))
		fields := bytes.Fields(line)
		if len(fields) < 3 {
			continue
		}
		m := mount{unescape(fields[0]), unescape(fields[1]), unescape(fields[2])}
		if !visit(m) {
			return
		}
	}
}

// unescape undoes the kernel's \ooo for blank, tab, line end and backslash.
func unescape(field []byte) string {
	if bytes.IndexByte(field, '\\') < 0 {
		return string(field)
	}
	var b strings.Builder
	for i := 0; i < len(field); i++ {
		if c, ok := octal(field[i:]); ok {
			b.WriteByte(c)
			i += 3
			continue
		}
		b.WriteByte(field[i])
	}
	return b.String()
}

func octal(field []byte) (c byte, ok bool) {
	if len(field) < 4 || field[0] != '\\' || field[1] > '3' {
		return 0, false
	}
	for _, digit := range field[1:4] {
		if digit < '0' || digit > '7' {
			return 0, false
		}
		c = c<<3 | (digit - '0')
	}
	return c, true
}

// findCgroup2 is where the root of cgroup2 is mounted; "" if nowhere. Of several
// places the first is taken: they are the same tree.
func findCgroup2(mounts []byte) (point string) {
	parseMounts(mounts, func(m mount) bool {
		if m.kind == "cgroup2" {
			point = m.point
		}
		return point == ""
	})
	return point
}

// mountedAt is the mount that covers a directory, the last one on it; ok is false
// where none is.
func mountedAt(mounts []byte, dir string) (found mount, ok bool) {
	parseMounts(mounts, func(m mount) bool {
		if m.point == dir {
			found, ok = m, true
		}
		return true
	})
	return found, ok
}
