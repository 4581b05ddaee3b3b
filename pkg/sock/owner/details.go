package owner

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
)

// Details is what people want to know about a process that was found. Reading it
// takes no rights, unless /proc is mounted with hidepid.
type Details struct {
	// Command is the command line, its arguments as the process left them: they may
	// hold any byte and are not safe to print. It is empty for a kernel thread.
	Command []string
	// Started is when the process started, on the clock that counts from boot and
	// does not stop in suspend (CLOCK_BOOTTIME), to 10 ms.
	Started time.Duration
	// UID is the effective user.
	UID uint32
	// Cgroup is the path in the cgroup2 hierarchy, empty where there is none.
	Cgroup string
}

// What is read of a command line at most, and of the other files, which are never
// near it.
const (
	maxCommand = 4096
	maxStatus  = 64 << 10
)

// ReadDetails reads about one process. A process that has ended meanwhile is
// [io/fs.ErrNotExist]; its number may since belong to another one, which only a
// look at the name and start can tell.
func ReadDetails(fs kernfs.FS, pid int) (Details, error) {
	var d Details
	dir := strconv.Itoa(pid)
	stat, err := kernfs.ReadFile(fs.Proc(dir, "stat"), maxStatus)
	if err != nil {
		return d, err
	}
	if d.Started, err = parseStarted(stat); err != nil {
		return d, fmt.Errorf("%s: %w", fs.Proc(dir, "stat"), err)
	}
	status, err := kernfs.ReadFile(fs.Proc(dir, "status"), maxStatus)
	if err != nil {
		return d, err
	}
	if d.UID, err = parseUID(status); err != nil {
		return d, fmt.Errorf("%s: %w", fs.Proc(dir, "status"), err)
	}
	if d.Command, err = readCommand(fs.Proc(dir, "cmdline")); err != nil {
		return d, err
	}
	if cgroup, err := kernfs.ReadFile(fs.Proc(dir, "cgroup"), maxStatus); err == nil {
		d.Cgroup = parseCgroup(cgroup)
	}
	return d, nil
}

// parseStarted takes the 22nd field of /proc/PID/stat. The second, the name in
// parentheses, may itself hold blanks and parentheses: the last one ends it.
//
// Kernel: fs/proc/array.c, do_task_stat.
func parseStarted(stat []byte) (time.Duration, error) {
	const startTime, afterName = 22, 3
	rest := stat[bytes.LastIndexByte(stat, ')')+1:]
	var field []byte
	for range startTime - afterName + 1 {
		field, rest = kernfs.Field(rest)
	}
	ticks, ok := kernfs.ParseUint(field)
	const tick = 10 * time.Millisecond // USER_HZ is 100
	if !ok || ticks > uint64(1<<63-1)/uint64(tick) {
		return 0, kernfs.ErrFormat
	}
	return time.Duration(ticks) * tick, nil
}

// parseUID takes the second number after "Uid:", the effective one.
//
// Kernel: fs/proc/array.c, task_state.
func parseUID(status []byte) (uint32, error) {
	_, rest, _ := bytes.Cut(status, []byte("\nUid:"))
	_, rest = kernfs.Field(rest)
	field, _ := kernfs.Field(rest)
	uid, ok := kernfs.ParseUint(field)
	if !ok || uid > 1<<32-1 {
		return 0, kernfs.ErrFormat
	}
	return uint32(uid), nil
}

// readCommand reads a command line, of a long one the beginning.
func readCommand(path string) ([]string, error) {
	data, err := readStart(path, maxCommand)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimRight(string(data), "\x00"), "\x00"), nil
}

// parseCgroup takes the line of hierarchy 0, which is cgroup2: "0::/path".
//
// Kernel: kernel/cgroup/cgroup.c, proc_cgroup_show.
func parseCgroup(data []byte) string {
	for line := range bytes.Lines(data) {
		if path, ok := bytes.CutPrefix(line, []byte("0::")); ok {
			return string(bytes.TrimSuffix(path, []byte("\n")))
		}
	}
	return ""
}
