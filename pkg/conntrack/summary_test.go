package conntrack

import "testing"

func TestFailures(t *testing.T) {
	cpus := func(values ...uint64) (all []Stats) {
		for _, v := range values {
			var s Stats
			s.add(InsertFailed, v)
			all = append(all, s)
		}
		return all
	}
	for name, test := range map[string]struct {
		before, after []Stats
		want          uint64
		known         bool
	}{
		"two CPUs":       {cpus(1, 5), cpus(3, 6), 3, true},
		"wrapped":        {cpus(1<<32-2, 0), cpus(1, 0), 3, true},
		"a CPU went":     {cpus(1, 2), cpus(3), 0, false},
		"no such number": {make([]Stats, 1), make([]Stats, 1), 0, false},
		"no CPU":         {nil, nil, 0, false},
	} {
		if n, known := failures(test.before, test.after); n != test.want || known != test.known {
			t.Errorf("%s: %d %v, want %d %v", name, n, known, test.want, test.known)
		}
	}
}
