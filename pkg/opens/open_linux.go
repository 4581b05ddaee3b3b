package opens

// On switches counting on, or brings up to date what is on: a second On is
// harmless. It needs root: CAP_BPF and CAP_NET_ADMIN, and CAP_SYS_ADMIN unless a
// bpf file system is mounted already.
func On(c Config) (Result, error) {
	if size := c.size(); size < MinSize || size > MaxSize {
		return Result{}, failure(ErrInput, nil, "bad size of the table: allowed are ", decimal(MinSize), " to ", decimal(MaxSize))
	}
	change, err := onSockOps(c)
	return Result{Change: change, Method: SockOps}, err
}

// Off switches counting off and removes everything that On made. Where nothing is
// on the error is ErrOff.
func Off(c Config) error {
	return offSockOps(c)
}

// Open finds the counters: those in the kernel, or else the published snapshot.
func Open(c Config) (Counter, error) {
	counter, err := openSockOps(c)
	if err != nil {
		return nil, err
	}
	return counter, nil
}
