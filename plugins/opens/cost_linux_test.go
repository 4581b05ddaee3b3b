package main

import (
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/scripts/testhost"
	"github.com/sockcensus/sockcensus/scripts/testnet"
)

// TestCost measures what counting costs the load itself: rounds of connect, accept
// and close without it and with each method in turn, so that what else the machine
// does falls on all alike. It judges nothing; the README has its table.
//
//	SOCKCENSUS_COST=1 go test -run TestCost -v ./plugins/opens
func TestCost(t *testing.T) {
	if os.Getenv("SOCKCENSUS_COST") != "1" {
		t.Skip("set SOCKCENSUS_COST=1 to measure the cost of counting for a minute or two")
	}
	const rounds, connections = 9, 20_000
	l, tr := newLab(t), testnet.NewAccepted()
	tr.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
	load := testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.0.0", 200), N: connections}
	load.Run(t, l.Client)
	methods := []string{"off", "sockops", "nft"}
	cpu, rate := map[string][]float64{}, map[string][]float64{}
	for range rounds {
		for _, method := range methods {
			if method != "off" {
				testhost.Run(t, l.command("opens", "on", "--method", method))
			}
			before, began := cpuTime(t), time.Now()
			made := load.Run(t, l.Client)
			cpu[method] = append(cpu[method], (cpuTime(t)-before).Seconds()*1e6/float64(made))
			rate[method] = append(rate[method], float64(made)/time.Since(began).Seconds())
			if method != "off" {
				if got := testhost.Run(t, l.command("opens", "off")); got.Code != 0 {
					t.Fatal(got)
				}
			}
		}
	}
	base := median(cpu["off"])
	for _, method := range methods {
		t.Logf("%-8s %6.1f us of CPU a connection (median of %d, %+.1f %%; best %.1f), %6.0f connections/s",
			method, median(cpu[method]), rounds, (median(cpu[method])/base-1)*100, slices.Min(cpu[method]), median(rate[method]))
	}
}

// cpuTime is what this process, which is client and server, has used.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
