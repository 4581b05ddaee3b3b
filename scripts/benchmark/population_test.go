package main

import "testing"

func TestHoldersShareThePopulation(t *testing.T) {
	for _, size := range []int{1, 99, 1000, 100_000, 500_000} {
		whole, err := newPopulation(size, 30, 20_000)
		if err != nil {
			t.Fatal(err)
		}
		var sum population
		for i := range whole.holders {
			part := whole.share(i)
			if n := part.descriptors(); n > 20_000 {
				t.Errorf("%d connections: holder %d needs %d descriptors, it has 20000", size, i, n)
			}
			sum.connections += part.connections
			sum.matching += part.matching
			sum.halfClosed += part.halfClosed
			sum.holders++
		}
		if sum != whole {
			t.Errorf("%d connections: the parts are %+v, the whole is %+v", size, sum, whole)
		}
	}
}

func TestShareIsOfTheSockets(t *testing.T) {
	p, err := newPopulation(1000, 30, 1<<20)
	if err != nil || p.matching != 600 || p.states()["established"] != 2000 {
		t.Errorf("%+v, %v, want 600 of 2000 established sockets", p, err)
	}
}

func TestTooFewDescriptorsIsAnError(t *testing.T) {
	for _, descriptors := range []uint64{0, 50, ownDescriptors, ownDescriptors + 1, 1024} {
		if p, err := newPopulation(500_000, 30, descriptors); err == nil {
			t.Errorf("%d descriptors: %d holders, want an error", descriptors, p.holders)
		}
	}
}
