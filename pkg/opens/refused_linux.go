package opens

import (
	"errors"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// refused turns what the kernel said to bpf(2) into a sentence. The library's own
// text is not passed on: it guesses at memory limits for every EPERM.
func refused(what string, err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	var verifier *ebpf.VerifierError
	switch {
	case errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) && !errors.As(err, &verifier):
		return failure(ErrPermission, errno(err), "no right to ", what,
			": it needs CAP_BPF and CAP_NET_ADMIN (run as root; containers and kernel lockdown can refuse root too)")
	case errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, unix.ENOSYS):
		return failure(ErrRefused, err, "this kernel cannot ", what, ": counting with eBPF needs Linux 5.15 built with CONFIG_CGROUP_BPF")
	case errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.E2BIG):
		return failure(ErrRefused, errno(err), "not enough kernel memory to ", what, ": give a smaller --size")
	case errors.As(err, &verifier):
		return failure(ErrRefused, errno(err), "the kernel's verifier refused to ", what, ": ", verdict(verifier),
			" (counting with eBPF needs Linux 5.15)")
	}
	return failure(ErrRefused, errno(err), "the kernel refused to ", what, ": ", errno(err).Error())
}

// errno is the bare error of the system call, without the words around it.
func errno(err error) error {
	var number unix.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}

// verdict is the last thing that the verifier said before its statistics.
func verdict(v *ebpf.VerifierError) string {
	for i := len(v.Log) - 1; i >= 0; i-- {
		line := strings.TrimSpace(v.Log[i])
		if line != "" && !strings.HasPrefix(line, "processed ") {
			return line
		}
	}
	return errno(v.Cause).Error()
}
