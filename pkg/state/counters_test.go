package state

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAdvance(t *testing.T) {
	type step struct {
		epoch string
		at    time.Duration
		value uint64
		want  Rate // zero: collecting
	}
	const s = time.Second
	tests := []struct {
		name  string
		steps []step
	}{
		{"steady", []step{
			{"b", 100 * s, 1000, Rate{}},
			{"b", 400 * s, 1600, Rate{2, 300 * s}},
			{"b", 700 * s, 1600, Rate{0, 300 * s}},
			{"b", 1000 * s, 1900, Rate{1, 300 * s}},
		}},
		{"counter fell", []step{
			{"b", 100 * s, 1000, Rate{}},
			{"b", 400 * s, 10, Rate{}},
			{"b", 410 * s, 30, Rate{2, 10 * s}},
		}},
		{"restarted", []step{
			{"b", 5000 * s, 1000, Rate{}},
			{"c", 20 * s, 5000, Rate{}},
			{"c", 30 * s, 5010, Rate{1, 10 * s}},
		}},
		{"restarted, and the clock is already further", []step{
			{"b", 10 * s, 1000, Rate{}},
			{"c", 500 * s, 5000, Rate{}},
		}},
		{"clock back", []step{
			{"b", 100 * s, 1000, Rate{}},
			{"b", 50 * s, 2000, Rate{}},
			{"b", 60 * s, 2010, Rate{1, 10 * s}},
		}},
		{"two runs at once, first ever", []step{
			{"b", 100 * s, 1000, Rate{}},
			{"b", 100 * s, 1001, Rate{}},
			{"b", 100*s + 999*time.Millisecond, 1002, Rate{}},
			{"b", 110 * s, 1100, Rate{10, 10 * s}},
		}},
		{"two runs at once, later", []step{
			{"b", 100 * s, 1000, Rate{}},
			{"b", 110 * s, 1100, Rate{10, 10 * s}},
			{"b", 110*s + time.Millisecond, 1110, Rate{110 / 10.001, 10*s + time.Millisecond}},
			{"b", 120 * s, 1200, Rate{10, 10 * s}},
		}},
		{"largest", []step{
			{"b", 0, 0, Rate{}},
			{"b", 2 * s, math.MaxUint64, Rate{math.MaxUint64 / 2, 2 * s}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c Counters
			for i, step := range tt.steps {
				rates := c.Advance(Sample{step.epoch, step.at, map[string]uint64{"n": step.value}})
				got := rates["n"]
				if got.Interval != step.want.Interval || math.Abs(got.PerSecond-step.want.PerSecond) > 1e-9*step.want.PerSecond {
					t.Errorf("step %d: %+v, want %+v", i, got, step.want)
				}
				if got.Known() != (step.want.Interval != 0) || got.PerSecond < 0 {
					t.Errorf("step %d: known %v, %v per second", i, got.Known(), got.PerSecond)
				}
				again, err := DecodeCounters(c.Append(nil))
				if err != nil || !reflect.DeepEqual(again, c) {
					t.Fatalf("step %d: remembered as %q, read as %+v, %v", i, c.Append(nil), again, err)
				}
				c = again
			}
		})
	}
}

func TestAdvanceNames(t *testing.T) {
	var c Counters
	c.Advance(Sample{"b", 10 * time.Second, map[string]uint64{"old": 1, "kept": 1}})
	rates := c.Advance(Sample{"b", 20 * time.Second, map[string]uint64{"new": 1, "kept": 11}})
	if len(rates) != 2 || rates["new"].Known() || rates["kept"].PerSecond != 1 {
		t.Errorf("rates: %+v", rates)
	}
	if rates = c.Advance(Sample{"b", 30 * time.Second, map[string]uint64{"old": 9}}); rates["old"].Known() {
		t.Errorf("a counter that was away has a rate: %+v", rates)
	}
}

func TestDecodeCountersRefuses(t *testing.T) {
	for _, text := range []string{
		"", "\n", "b", "b c\n", "b\nn 1", "b\nn 1\n", "b\nn 1 2 3\n", "b\nn 1 2 3 4 5\n", "b\nn x 2\n", "b\nn -1 2\n",
		"b\nn 1 -2\n", "b\nn 1 2\nn 1 2\n", "b\n 1 2\n", "b\nn 5 2 5 2\n", "b\nn 9000000000 2 1 3\n",
		"b\nn 1 99999999999999999999\n", "b\n\n", strings.Repeat("b", 300) + "\n",
	} {
		if c, err := DecodeCounters([]byte(text)); err == nil {
			t.Errorf("%q is read as %+v", text, c)
		}
	}
}

func TestSampleCheck(t *testing.T) {
	for _, s := range []Sample{
		{}, {Epoch: "a b"}, {Epoch: "b", At: -1}, {Epoch: "b", Values: map[string]uint64{"a b": 1}},
		{Epoch: "b", Values: map[string]uint64{"a\nb": 1}}, {Epoch: "b", Values: map[string]uint64{"": 1}},
	} {
		if s.check() == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}

func FuzzDecodeCounters(f *testing.F) {
	f.Add([]byte("b\nn 9000000000 7 1 3\nm 5 5\n"))
	f.Add([]byte("b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeCounters(data)
		if err != nil {
			return
		}
		again, err := DecodeCounters(c.Append(nil))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%q: %+v, %v", c.Append(nil), again, err)
		}
		values := map[string]uint64{}
		for name, track := range c.tracks {
			values[name] = track.last.value + 1
		}
		for name, rate := range c.Advance(Sample{c.epoch, time.Hour, values}) {
			if !(rate.PerSecond >= 0) || math.IsInf(rate.PerSecond, 0) {
				t.Fatalf("%q: %v per second", name, rate.PerSecond)
			}
		}
	})
}
