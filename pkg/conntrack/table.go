package conntrack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A Table says how full the connection-tracking table is.
type Table struct {
	Used     uint64
	Max      uint64 // 0 is "no limit"
	MaxKnown bool
}

// UsedPercent is the fill of the table in percent. There is none where the
// limit is not known or where there is no limit.
func (t Table) UsedPercent() (float64, bool) {
	if !t.MaxKnown || t.Max == 0 {
		return 0, false
	}
	return 100 * float64(t.Used) / float64(t.Max), true
}

// Files below /proc. The sysctl files show the namespace of the thread that
// opens them, whatever path leads to them: /proc/PID/root/proc/sys is no way
// into another namespace. The statistics are below a process's net directory
// and do show that process's namespace.
const (
	sysctlCount = "sys/net/netfilter/nf_conntrack_count"
	sysctlMax   = "sys/net/netfilter/nf_conntrack_max"
	statFile    = "stat/nf_conntrack"
)

// ReadTable reads the fill of the table in the caller's network namespace from
// the sysctls nf_conntrack_count and nf_conntrack_max
// (Documentation/networking/nf_conntrack-sysctl.rst). proc is /proc, as in
// os.DirFS("/proc"). It needs no privilege. Without the tracker the error is
// ErrNotLoaded.
func ReadTable(proc fs.FS) (Table, error) {
	used, err := readNumber(proc, sysctlCount)
	if err != nil {
		return Table{}, err
	}
	limit, err := readNumber(proc, sysctlMax)
	if err != nil {
		return Table{}, err
	}
	return Table{Used: used, Max: limit, MaxKnown: true}, nil
}

// ReadTableOf reads the fill of the table in the namespace of a net directory
// of /proc, as ReadStats does, without privilege. The limit is the caller's
// own nf_conntrack_max, which holds in each namespace alike: only the initial
// one can change it.
func ReadTableOf(proc fs.FS, net string) (Table, error) {
	stats, err := ReadStats(proc, net)
	if err != nil {
		return Table{}, err
	}
	limit, err := readNumber(proc, sysctlMax)
	if err != nil {
		return Table{}, err
	}
	return Table{Used: stats.Used, Max: limit, MaxKnown: true}, nil
}

func readNumber(proc fs.FS, name string) (uint64, error) {
	b, err := readFile(proc, name)
	if err != nil {
		return 0, readError(name, err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, &OpError{Op: "read " + name, Err: fmt.Errorf("%s is not a number", quote.Text(strings.TrimSpace(string(b))))}
	}
	return n, nil
}

// maxFile bounds what is read of a file of /proc: 4,096 CPUs fit.
const maxFile = 1 << 20

// readFile reads in large steps. A sysctl gives its value to the first read
// alone, and fs.ReadFile begins with a read of one byte where a file system
// has no ReadFile of its own and says that the size is 0, as /proc does.
func readFile(proc fs.FS, name string) ([]byte, error) {
	f, err := proc.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

func readError(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &OpError{Op: "read " + name, Reason: ErrNotLoaded, Err: err}
	}
	return &OpError{Op: "read " + name, Err: err}
}

// ProcStats is what /proc/net/stat/nf_conntrack says.
type ProcStats struct {
	Used uint64 // entries in the table
	CPUs []Stats
}

// ReadStats reads the tracker's counters from stat/nf_conntrack below a net
// directory of /proc (net/netfilter/nf_conntrack_standalone.c). proc is /proc;
// net is "thread-self/net" for the caller's namespace and "PID/net" for that
// of a process, which is the one way to look into another namespace without
// privilege. Without the tracker, or where the kernel has no such file
// (CONFIG_NF_CONNTRACK_PROCFS), the error is ErrNotLoaded.
func ReadStats(proc fs.FS, net string) (ProcStats, error) {
	name := path.Join(net, statFile)
	b, err := readFile(proc, name)
	if err != nil {
		return ProcStats{}, readError(name, err)
	}
	stats, err := parseStats(string(b))
	if err != nil {
		return ProcStats{}, &OpError{Op: "read " + name, Err: err}
	}
	return stats, nil
}

// parseStats reads a line of column names and a line of hexadecimal numbers for
// each CPU. The columns are found by name: kernels differ in them.
func parseStats(s string) (ProcStats, error) {
	header, rest, _ := strings.Cut(s, "\n")
	columns := strings.Fields(header)
	if len(columns) == 0 || columns[0] != "entries" {
		return ProcStats{}, fmt.Errorf("%s is not the heading of the statistics", quote.Text(header))
	}
	var stats ProcStats
	for line := range strings.Lines(rest) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != len(columns) {
			return ProcStats{}, fmt.Errorf("a line has %d numbers under %d headings", len(fields), len(columns))
		}
		if err := stats.addCPU(columns, fields); err != nil {
			return ProcStats{}, err
		}
	}
	return stats, nil
}

func (s *ProcStats) addCPU(columns, fields []string) error {
	var cpu Stats
	for i, field := range fields {
		n, err := strconv.ParseUint(field, 16, 64)
		if err != nil {
			return fmt.Errorf("%s is not a hexadecimal number", quote.Text(field))
		}
		if columns[i] == "entries" {
			s.Used = n // the same number on every line
		} else if c, ok := counterFromColumn(columns[i]); ok {
			cpu.add(c, n)
		}
	}
	s.CPUs = append(s.CPUs, cpu)
	return nil
}

// counterFromColumn maps a heading of the file, which names some counters
// otherwise than conntrack -S.
func counterFromColumn(name string) (Counter, bool) {
	switch name {
	case "icmp_error":
		return ErrorCounter, true
	case "clashres":
		return ClashResolve, true
	case "chainlength":
		return ChainTooLong, true
	}
	for _, c := range Counters() {
		if c.String() == name {
			return c, true
		}
	}
	return 0, false
}

// Use says whether connection tracking works in a namespace.
type Use uint8

// Uses.
const (
	// NotLoaded: this kernel has no connection tracking now.
	NotLoaded Use = iota

	// Unused: it is loaded, and nothing was ever counted in this namespace.
	// Most likely no rule here uses it; the kernel does not tell an
	// unprivileged caller, and a namespace without any traffic looks alike.
	Unused

	// InUse: the table has entries, or has had some trouble.
	InUse
)

// String is one sentence for a person: what is so, and what would change it.
func (u Use) String() string {
	switch u {
	case NotLoaded:
		return ErrNotLoaded.Error()
	case Unused:
		return "connection tracking is loaded but not in use in this network namespace: " +
			"the table is empty, and no rule uses it or nothing passed yet; " +
			"a rule such as nftables ct state new or NAT switches it on"
	}
	return "connection tracking is in use"
}

// Detect finds out whether connection tracking works in the namespace of a net
// directory of /proc; see ReadStats for its arguments. It needs no privilege.
func Detect(proc fs.FS, net string) (Use, error) {
	stats, err := ReadStats(proc, net)
	if errors.Is(err, ErrNotLoaded) {
		return detectByCount(proc)
	}
	if err != nil {
		return NotLoaded, err
	}
	sum := Sum(stats.CPUs)
	if stats.Used == 0 && sum.isZero() {
		return Unused, nil
	}
	return InUse, nil
}

// detectByCount serves kernels without the statistics file.
func detectByCount(proc fs.FS) (Use, error) {
	table, err := ReadTable(proc)
	switch {
	case errors.Is(err, ErrNotLoaded):
		return NotLoaded, nil
	case err != nil:
		return NotLoaded, err
	case table.Used == 0:
		return Unused, nil
	}
	return InUse, nil
}
