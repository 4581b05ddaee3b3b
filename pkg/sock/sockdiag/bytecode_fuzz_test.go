package sockdiag

import (
	"math/rand/v2"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// FuzzCompile compares kernel and user space on filters that the fuzzer finds
// and sockets that follow from the seed.
func FuzzCompile(f *testing.F) {
	g := generator(9)
	for i := range 40 {
		f.Add(g.Expression(i%7), uint64(i))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) > 2000 {
			return
		}
		if _, err := filter.Parse(text, testNames{}); err != nil {
			return
		}
		checkCompiled(t, text, rand.New(rand.NewPCG(seed, 1)), 30)
	})
}
