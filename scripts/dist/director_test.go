package dist

import (
	"encoding/json"
	"path/filepath"
	"testing"
)

// The parts of a basket have to fit together; Director itself cannot be had as
// a package everywhere.
func TestDirectorBaskets(t *testing.T) {
	usr := install(t)
	for _, name := range plugins(t) {
		text := read(t, filepath.Join(usr, "share/doc/sockcensus/icinga/director", name+".json"))
		if !json.Valid([]byte(text)) {
			t.Errorf("%s.json is no JSON", name)
		}
		everyOptionIn(t, name, "Director's basket", text, func(long string) string { return `"--` + long + `": {` })
	}
}
