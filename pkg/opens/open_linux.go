package opens

import (
	"errors"
	"io/fs"
	"os"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// On switches counting on, or brings up to date what is on: a second On is
// harmless. It needs root: SockOps CAP_BPF and CAP_NET_ADMIN, and CAP_SYS_ADMIN
// unless a bpf file system is mounted already; NFT CAP_NET_ADMIN.
//
// SockOps counts in all network namespaces; NFT in that of the calling thread.
func On(c Config) (Result, error) {
	if size := c.size(); size < MinSize || size > MaxSize {
		return Result{}, failure(ErrInput, nil, "bad size of the table: allowed are ", decimal(MinSize), " to ", decimal(MaxSize))
	}
	switch c.Method {
	case SockOps:
		change, err := onSockOps(c)
		return Result{Change: change, Method: SockOps}, err
	case NFT:
		if err := noSockOps(c); err != nil {
			return Result{}, err
		}
		change, err := onNFT(c, "")
		return Result{Change: change, Method: NFT}, err
	case Auto, "":
		return onEither(c)
	}
	return Result{}, failure(ErrInput, nil, "bad method ", quote.Text(string(c.Method)), ": allowed are auto, sockops and nft")
}

// onEither tries SockOps, and NFT where the kernel or a container refuses it. An
// answer that is about our own tables is no reason to count in another way.
func onEither(c Config) (Result, error) {
	change, err := onSockOps(c)
	if err == nil {
		// What counted until now would count the same connections again.
		_ = offNFT(c)
		return Result{Change: change, Method: SockOps}, nil
	}
	if !choosesNFT(err) {
		return Result{}, err
	}
	reason := err.Error()
	change, nftErr := onNFT(c, reason)
	if nftErr != nil {
		return Result{}, failure(ErrRefused, errors.Join(err, nftErr), "neither method can count here: ", reason, "; ", nftErr.Error())
	}
	return Result{Change: change, Method: NFT, Reason: reason}, nil
}

func choosesNFT(err error) bool {
	for _, kind := range [...]error{ErrRefused, ErrPermission, ErrNoBPFFS, ErrNoCgroup2} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// noSockOps refuses a second method beside the first: a reader would not know which
// one is meant.
func noSockOps(c Config) error {
	t, _, err := loadTables(c, true)
	if errors.Is(err, ErrOff) {
		return nil
	}
	if err != nil {
		return err
	}
	t.close()
	return failure(ErrBusy, nil, "the sockops method is counting already: run ", c.command("off"), " first")
}

// Off switches counting off and removes everything that On made, of both methods.
// Where nothing is on the error is ErrOff.
func Off(c Config) error {
	nftErr := offNFT(c)
	if nftErr != nil && !errors.Is(nftErr, ErrOff) {
		return nftErr
	}
	_ = os.Remove(c.SnapshotPath())
	err := offSockOps(c)
	if errors.Is(err, ErrOff) && nftErr == nil {
		leaveParent(c.dir())
		return nil
	}
	return err
}

// Open finds the counters: those in the kernel, or else the published snapshot.
// Reading those of SockOps needs no right from Linux 5.19 on, the snapshot none at
// all; NFT needs CAP_NET_ADMIN. The network namespace is the calling thread's.
func Open(c Config) (Counter, error) {
	counter, err := openLive(c)
	if err == nil || !errors.Is(err, ErrPermission) {
		return counter, err
	}
	sample, snapshotErr := openSnapshot(c)
	if snapshotErr == nil {
		return sampled{sample}, nil
	}
	return nil, failure(ErrPermission, err, err.Error(), "; ", snapshotErr.Error())
}

func openLive(c Config) (Counter, error) {
	counter, err := openSockOps(c)
	if err == nil {
		return counter, nil
	}
	if !errors.Is(err, ErrOff) {
		return nil, err
	}
	table, err := openNFT(c)
	if err != nil {
		return nil, err
	}
	return table, nil
}

// openSnapshot reads the published snapshot of this boot and namespace.
func openSnapshot(c Config) (*Sample, error) {
	file, err := os.Open(c.SnapshotPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, failure(ErrSnapshot, err, "and the timer has published no snapshot yet: systemctl enable --now sockcensus-opens-record.timer starts it")
	}
	if err != nil {
		return nil, snapshotFailure(err)
	}
	defer file.Close()
	sample, err := ReadSample(file)
	if err != nil {
		return nil, err
	}
	boot, namespace, err := here()
	switch {
	case err != nil:
		return nil, err
	case sample.Epoch.Boot != boot:
		return nil, failure(ErrSnapshot, nil, "and the published snapshot is from before the last boot")
	case sample.Epoch.Namespace != namespace:
		return nil, failure(ErrSnapshot, nil, "and the published snapshot is of another network namespace")
	}
	sample.Snapshot = true
	return sample, nil
}

// Publish writes the snapshot for those who may not read the kernel's tables, in
// one step. It needs the right to write beside the pins.
func Publish(c Config, s *Sample) error {
	err := writeFile(c.SnapshotPath(), func(file *os.File) error {
		_, err := s.WriteTo(file)
		return err
	})
	if err != nil {
		return failure(ErrSnapshot, err, "cannot publish the snapshot of the counters: ", err.Error())
	}
	return nil
}
