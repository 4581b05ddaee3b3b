package owner

import (
	"bytes"
	"os"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
)

// A mount is a line of /proc/PID/mountinfo, as far as it is asked for.
//
// Kernel: fs/proc_namespace.c, show_mountinfo; Documentation/filesystems/proc.rst
// 3.5.
type mount struct {
	root, dir, kind string
	options         string // of the file system
}

// mounts calls yield for every file system of a kind that is mounted for us.
func mounts(fs kernfs.FS, kind string, yield func(mount) bool) error {
	file, err := os.Open(fs.Proc("self", "mountinfo"))
	if err != nil {
		return err
	}
	defer file.Close()
	lines := kernfs.NewLines(file)
	for lines.Next() {
		if m, ok := parseMount(lines.Bytes()); ok && m.kind == kind && !yield(m) {
			return nil
		}
	}
	return lines.Err()
}

// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
func parseMount(line []byte) (mount, bool) {
	front, back, ok := bytes.Cut(line, []byte(" - "))
	if !ok {
		return mount{}, false
	}
	var root, dir []byte
	for range 3 {
		_, front = kernfs.Field(front)
	}
	root, front = kernfs.Field(front)
	dir, _ = kernfs.Field(front)
	kind, back := kernfs.Field(back)
	_, back = kernfs.Field(back)
	options, _ := kernfs.Field(back)
	if len(dir) == 0 || len(kind) == 0 {
		return mount{}, false
	}
	return mount{root: unescape(root), dir: unescape(dir), kind: string(kind), options: string(options)}, true
}

// unescape undoes the \040 form in which the kernel writes blanks and the like.
func unescape(text []byte) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) && isOctal(text[i+1:i+4]) {
			out = append(out, text[i+1]<<6|(text[i+2]-'0')<<3|(text[i+3]-'0'))
			i += 3
			continue
		}
		out = append(out, text[i])
	}
	return string(out)
}

func isOctal(digits []byte) bool {
	for _, d := range digits {
		if d < '0' || d > '7' {
			return false
		}
	}
	return true
}
