package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestEstablishedFlowsAreCounted(t *testing.T) {
	for n := range flows(37) {
		var b bytes.Buffer
		if err := n.write(&b); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(b.String(), "\n"); lines != int(n) {
			t.Errorf("%d flows: %d lines", n, lines)
		}
		if want := int64(strings.Count(b.String(), "ESTABLISHED")); n.established() != want {
			t.Errorf("%d flows: %d are established, it says %d", n, want, n.established())
		}
	}
}
