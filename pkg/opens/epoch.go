package opens

import (
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// An Epoch names one life of the counters: two readings of the same epoch count
// from the same zero. Counts of different epochs have nothing to do with each
// other.
type Epoch struct {
	Boot       string // /proc/sys/kernel/random/boot_id
	Generation uint64 // made anew whenever counters are made
	Namespace  uint64 // the cookie of the network namespace that was read
}

// String is the epoch as one word.
func (e Epoch) String() string {
	return e.Boot + "/" + strconv.FormatUint(e.Generation, 16) + "/" + strconv.FormatUint(e.Namespace, 16)
}

// ParseEpoch reads what String wrote.
func ParseEpoch(text string) (Epoch, error) {
	parts := strings.Split(text, "/")
	bad := func() (Epoch, error) {
		return Epoch{}, failure(ErrInput, nil, "bad epoch ", quote.Text(text), ": it is BOOT/GENERATION/NAMESPACE")
	}
	if len(parts) != 3 || len(parts[0]) > maxBoot {
		return bad()
	}
	generation, err := strconv.ParseUint(parts[1], 16, 64)
	if err != nil {
		return bad()
	}
	namespace, err := strconv.ParseUint(parts[2], 16, 64)
	if err != nil {
		return bad()
	}
	return Epoch{Boot: parts[0], Generation: generation, Namespace: namespace}, nil
}

// maxBoot bounds a boot id; the kernel's have 36 characters.
const maxBoot = 64
