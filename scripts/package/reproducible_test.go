package packaging

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// What differs between two builders must not be in what they build.
func TestSameBytesTwice(t *testing.T) {
	formats := "deb rpm tar"
	first := makePackages(t, formats, "v1.2.3", "SOURCE_DATE_EPOCH=1700000000", "TZ=UTC")
	second := makePackages(t, formats, "v1.2.3", "SOURCE_DATE_EPOCH=1700000000", "TZ=Asia/Tokyo", "LC_ALL=C.UTF-8", "HOSTNAME=elsewhere", "TMPDIR="+t.TempDir(), "LOGNAME=somebody")
	for i, file := range first {
		one, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		two, err := os.ReadFile(second[i])
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) != filepath.Base(second[i]) || !bytes.Equal(one, two) {
			t.Errorf("%s differs when it is made twice", filepath.Base(file))
		}
		if host, err := os.Hostname(); err == nil && len(host) > 5 && bytes.Contains(one, []byte(host)) {
			t.Errorf("%s names the machine that built it", filepath.Base(file))
		}
	}
}
