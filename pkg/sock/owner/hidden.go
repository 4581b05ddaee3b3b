package owner

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
)

// hidesProcesses reports whether /proc leaves out the processes of others. Where
// it does not say so by its mount options, a missing process 1 does: there is one
// in every process-id namespace.
func hidesProcesses(fs kernfs.FS, pids []int) bool {
	if len(pids) == 0 || pids[0] != 1 {
		return true
	}
	hides := false
	root := filepath.Clean(fs.ProcRoot())
	_ = mounts(fs, "proc", func(m mount) bool {
		if m.dir == root {
			hides = hidesOthers(m.options)
		}
		return true
	})
	return hides && !mayTraceAll(fs)
}

// hidesOthers reads the option hidepid of a proc file system. 1 lists every
// process and closes their directories, which is noticed when they are opened.
//
// Kernel: fs/proc/root.c, proc_show_options.
func hidesOthers(options string) bool {
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "hidepid=2", "hidepid=invisible", "hidepid=4", "hidepid=ptraceable":
			return true
		}
	}
	return false
}

// mayTraceAll reports whether we have CAP_SYS_PTRACE, to which hidepid does not
// apply.
func mayTraceAll(fs kernfs.FS) bool {
	const sysPtrace = 19 // include/uapi/linux/capability.h
	data, err := kernfs.ReadFile(fs.Proc("self", "status"), 64<<10)
	if err != nil {
		return false
	}
	_, data, _ = bytes.Cut(data, []byte("\nCapEff:"))
	field, _ := kernfs.Field(data)
	caps, _ := kernfs.ParseHex(field)
	return caps&(1<<sysPtrace) != 0
}

// isNested reports whether our process-id namespace lies in another one. The first
// has a fixed inode, PROC_PID_INIT_INO (include/linux/proc_ns.h).
func isNested(fs kernfs.FS) bool {
	link, err := os.Readlink(fs.Proc("self", "ns", "pid"))
	return err == nil && link != "pid:[4026531836]"
}
