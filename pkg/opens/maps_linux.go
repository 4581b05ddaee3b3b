package opens

import (
	"errors"
	"io/fs"
	"os"

	"github.com/cilium/ebpf"
)

// spec describes the tables for a size.
func specs(size int) map[string]*ebpf.MapSpec {
	hash := func(name string, key, value uint32, entries int) *ebpf.MapSpec {
		return &ebpf.MapSpec{Name: name, Type: ebpf.Hash, KeySize: key, ValueSize: value, MaxEntries: uint32(entries)}
	}
	array := func(name string, value uint32) *ebpf.MapSpec {
		return &ebpf.MapSpec{Name: name, Type: ebpf.Array, KeySize: 4, ValueSize: value, MaxEntries: 1}
	}
	return map[string]*ebpf.MapSpec{
		metaName:       array("opens_meta", metaSize),
		namespacesName: hash("opens_netns", namespaceKeySize, namespaceSize, maxNamespaces),
		servicesName:   hash("opens_services", serviceKeySize, serviceSize, maxServices),
		peersName:      hash("opens_peers", peerKeySize, peerSize, size),
		lostName:       array("opens_lost", lostSize),
	}
}

// field is the place of a table in t by its pin's name.
func (t *tables) field(name string) **ebpf.Map {
	switch name {
	case metaName:
		return &t.meta
	case namespacesName:
		return &t.namespaces
	case servicesName:
		return &t.services
	case peersName:
		return &t.peers
	}
	return &t.lost
}

// tableNames is the order of pinning: meta last, because it says that all is there.
var tableNames = [...]string{namespacesName, servicesName, peersName, lostName, metaName}

func newTables(size int) (*tables, error) {
	t := new(tables)
	for name, spec := range specs(size) {
		m, err := ebpf.NewMap(spec)
		if err != nil {
			t.close()
			return nil, refused("make the tables of the counters", err)
		}
		*t.field(name) = m
	}
	return t, nil
}

func (t *tables) close() {
	for _, name := range tableNames {
		if m := *t.field(name); m != nil {
			_ = m.Close()
		}
	}
}

// pin makes the tables findable, readable by everybody.
func (t *tables) pin(c Config) error {
	for _, name := range tableNames {
		if err := (*t.field(name)).Pin(c.pin(name)); err != nil {
			return refused("pin the tables in "+c.dir(), err)
		}
		if err := os.Chmod(c.pin(name), 0o644); err != nil {
			return refused("make the tables readable", err)
		}
	}
	return nil
}

// loadMap opens one pinned table; one that is not there is fs.ErrNotExist.
func loadMap(c Config, name string, readOnly bool) (*ebpf.Map, error) {
	m, err := ebpf.LoadPinnedMap(c.pin(name), &ebpf.LoadPinOptions{ReadOnly: readOnly})
	if err != nil {
		return nil, err
	}
	want := specs(1)[name]
	if m.Type() != want.Type || m.KeySize() != want.KeySize || m.ValueSize() != want.ValueSize {
		_ = m.Close()
		return nil, failure(ErrBroken, nil, c.pin(name), " is not a table of sockcensus: ", c.repair())
	}
	return m, nil
}

// loadTables opens the tables of this version. Without a meta the error is ErrOff,
// with one and a table missing ErrBroken.
func loadTables(c Config, readOnly bool) (*tables, meta, error) {
	t := new(tables)
	head, err := loadMeta(c, t, readOnly)
	if err != nil {
		t.close()
		return nil, meta{}, err
	}
	for _, name := range tableNames[:len(tableNames)-1] {
		m, err := loadMap(c, name, readOnly)
		if err != nil {
			t.close()
			return nil, meta{}, pinFailure(c, name, err)
		}
		*t.field(name) = m
	}
	return t, head, nil
}

func loadMeta(c Config, t *tables, readOnly bool) (head meta, err error) {
	if t.meta, err = loadMap(c, metaName, readOnly); err != nil {
		return meta{}, pinFailure(c, metaName, err)
	}
	value := make([]byte, metaSize)
	if err := t.meta.Lookup(uint32(0), value); err != nil {
		return meta{}, pinFailure(c, metaName, err)
	}
	head, ok := decodeMeta(value)
	switch {
	case !ok:
		return meta{}, failure(ErrBroken, nil, c.pin(metaName), " is not a table of sockcensus: ", c.repair())
	case head.layout > layoutVersion:
		return meta{}, failure(ErrNewer, nil, "the counters in ", c.dir(), " were made by a newer sockcensus (layout ",
			decimal(uint64(head.layout)), ", this one knows ", decimal(layoutVersion), "): use the newer one, also to switch them off")
	}
	return head, nil
}

func pinFailure(c Config, name string, err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, fs.ErrNotExist) && name == metaName:
		return off(c)
	case errors.Is(err, fs.ErrNotExist):
		return failure(ErrBroken, err, "the counters in ", c.dir(), " are incomplete, ", name, " is missing: run ", c.command("on"), " as root")
	case errors.Is(err, fs.ErrPermission):
		return failure(ErrPermission, errno(err), "no right to read the counters in ", c.dir(),
			": every directory above must let you pass (mode 0711); before Linux 5.19 reading needs CAP_BPF unless kernel.unprivileged_bpf_disabled=0")
	}
	return failure(ErrBroken, err, "cannot open ", c.pin(name), ": ", errno(err).Error())
}
