package kernfs

import "path/filepath"

// SNMP reads the counters of the standard MIBs, such as Tcp CurrEstab and Tcp
// PassiveOpens, from the snmp file of a directory as [FS.NetDir] gives it.
//
// Kernel: net/ipv4/proc.c, snmp_seq_show.
func SNMP(netDir string) (Counters, error) {
	return readCounters(filepath.Join(netDir, "snmp"), ParseTable)
}

// Netstat reads Linux's own counters, such as TcpExt ListenOverflows and TcpExt
// SyncookiesSent.
//
// Kernel: net/ipv4/proc.c, netstat_seq_show.
func Netstat(netDir string) (Counters, error) {
	return readCounters(filepath.Join(netDir, "netstat"), ParseTable)
}

// Sockstat reads how many sockets are in use, such as TCP inuse (IPv4 sockets
// from LISTEN on, without TIME_WAIT and without half-open ones), TCP tw and TCP
// orphan. The last two, and TCP alloc and mem, count both families.
//
// Kernel: net/ipv4/proc.c, sockstat_seq_show.
func Sockstat(netDir string) (Counters, error) {
	return readCounters(filepath.Join(netDir, "sockstat"), ParseSockstat)
}

// Sockstat6 is Sockstat for IPv6: TCP6 inuse and its like. The file is missing
// where the kernel has no IPv6.
//
// Kernel: net/ipv6/proc.c, sockstat6_seq_show.
func Sockstat6(netDir string) (Counters, error) {
	return readCounters(filepath.Join(netDir, "sockstat6"), ParseSockstat)
}

func readCounters(path string, parse func([]byte) (Counters, error)) (Counters, error) {
	data, err := ReadFile(path, maxTable)
	if err != nil {
		return Counters{}, err
	}
	counters, err := parse(data)
	if err != nil {
		return Counters{}, &FileError{Path: path, Err: err}
	}
	return counters, nil
}

// PortRange is the local ports that the kernel chooses from by itself, both
// included, in the network namespace of the thread that asks. The file is the
// same for IPv4 and IPv6.
//
// Kernel: Documentation/networking/ip-sysctl.rst, ip_local_port_range.
func (f FS) PortRange() (low, high uint16, err error) {
	path := f.Proc("sys/net/ipv4/ip_local_port_range")
	ends, err := readUints(path, 2)
	if err != nil {
		return 0, 0, err
	}
	if ends[0] > ends[1] || ends[1] > 65535 {
		return 0, 0, &FileError{Path: path, Err: ErrFormat}
	}
	return uint16(ends[0]), uint16(ends[1]), nil
}

// BootID is a random name for the time since the kernel started, a UUID in 36
// characters: what was counted under another one counted something else.
//
// Kernel: drivers/char/random.c, proc_do_uuid.
func (f FS) BootID() (string, error) {
	path := f.Proc("sys/kernel/random/boot_id")
	id, err := ReadString(path)
	if err != nil {
		return "", err
	}
	if !isUUID(id) {
		return "", &FileError{Path: path, Err: ErrFormat}
	}
	return id, nil
}

func isUUID(id string) bool {
	if len(id) != 36 {
		return false
	}
	for i := range len(id) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if id[i] != '-' {
				return false
			}
		} else if _, hex := hexDigit(id[i]); !hex {
			return false
		}
	}
	return true
}
