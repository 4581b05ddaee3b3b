package opens

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// An nftNote is what the kernel's table cannot tell about itself. It lies where
// everybody can read it: that NFT counts is for all to know, the numbers are not.
type nftNote struct {
	Boot       string        `json:"boot"`
	Generation uint64        `json:"generation"`
	Namespace  uint64        `json:"namespace"`
	Since      time.Duration `json:"since_ns"`
	Size       int           `json:"size"`
	Reason     string        `json:"reason"`
	Passive    uint64        `json:"passive_opens"`
	Active     uint64        `json:"active_opens"`
}

const maxNote = 64 << 10

func parseNote(data []byte) (*nftNote, error) {
	note := new(nftNote)
	if err := json.Unmarshal(data, note); err != nil {
		return nil, err
	}
	if note.Since < 0 || note.Size < MinSize || note.Size > MaxSize || len(note.Boot) > maxBoot {
		return nil, errDamaged
	}
	return note, nil
}

// readNote is nil where there is none, or one of an earlier boot or of another
// namespace.
func readNote(c Config, boot string, namespace uint64) (*nftNote, error) {
	data, err := os.ReadFile(c.notePath(namespace))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EPERM) { // a bpf file system has no names with a dot
		return nil, nil
	}
	if err == nil && len(data) > maxNote {
		err = errDamaged
	}
	var note *nftNote
	if err == nil {
		note, err = parseNote(data)
	}
	if err != nil {
		return nil, failure(ErrBroken, err, "cannot use ", c.notePath(namespace), ": ", err.Error(), "; ", c.repair())
	}
	if note.Boot != boot || note.Namespace != namespace {
		return nil, nil
	}
	return note, nil
}

func (n *nftNote) write(c Config) error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return writeFile(c.notePath(n.Namespace), func(file *os.File) error {
		_, err := file.Write(append(data, '\n'))
		return err
	})
}

// writeFile puts a file in the place of the old one in one step, readable by all.
func writeFile(path string, write func(*os.File) error) error {
	if err := makeParent(path); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path))
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // fails after the rename, as it should
	err = errors.Join(write(file), file.Chmod(0o644), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
