package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// printResults writes the Markdown that the README takes, ratios first: they hold
// on other machines, the absolute times do not.
func printResults(w io.Writer, s *settings, results []result) {
	printRatios(w, results)
	printCosts(w, results)
	fmt.Fprintln(w)
	fmt.Fprintln(w, machine())
	fmt.Fprintf(w, "Both ends of every connection are in the namespace; %d %% of its established sockets have local port 443,\n", s.share)
	fmt.Fprintf(w, "one in %d has an IPv6 socket at the server's end, and another 1 %% of the connections is half closed.\n", dualStackEvery)
	fmt.Fprintf(w, "The established hash has %d buckets. Whole processes, run in turn; medians over the rounds, in brackets the\n", s.buckets)
	fmt.Fprintln(w, "smallest and the largest. Below 1.00 means that ours needs less. Repeat with `make bench`, or choose with")
	fmt.Fprintln(w, "`make bench BENCH_SIZES=\"10000 500000\"`; the top of scripts/bench lists the other settings.")
}

func printRatios(w io.Writer, results []result) {
	fmt.Fprintln(w, "| connections | question | ours / theirs | time ratio | target | CPU ratio | peak memory, ours / theirs |")
	fmt.Fprintln(w, "|---:|---|---|---|---|---|---|")
	for _, r := range results {
		if r.err != nil || r.missing != "" {
			fmt.Fprintf(w, "| %s | %s | %s | **%s** | | | |\n", sizeOf(r), r.title, code(r.sides[0].name), problem(r))
			continue
		}
		for i := 1; i < len(r.sides); i++ {
			printRatio(w, r, i)
		}
	}
}

func printRatio(w io.Writer, r result, i int) {
	ours, theirs := r.costs[0], r.costs[i]
	fmt.Fprintf(w, "| %s | %s | %s / %s | ", sizeOf(r), r.title, code(r.sides[0].name), code(r.sides[i].name))
	if theirs.missing != "" {
		fmt.Fprintf(w, "%s is not installed | | | %s |\n", theirs.missing, megabytes(ours.peak))
		return
	}
	times := ratios(ours.samples, theirs.samples, wall)
	cpus := ratios(ours.samples, theirs.samples, cpu)
	fmt.Fprintf(w, "**%.2f** (%.2f..%.2f) | %s | %.2f (%.2f..%.2f) | %s / %s |\n",
		times.median, times.min, times.max, verdict(r.target, i, times.median),
		cpus.median, cpus.min, cpus.max, megabytes(ours.peak), megabytes(theirs.peak))
}

// verdict compares with the target, which is for the first of the others.
func verdict(target float64, i int, ratio float64) string {
	switch {
	case target == 0 || i != 1:
		return ""
	case ratio <= target:
		return fmt.Sprintf("%.2f reached", target)
	default:
		return fmt.Sprintf("**%.2f missed**", target)
	}
}

func printCosts(w io.Writer, results []result) {
	fmt.Fprintln(w)
	fmt.Fprintln(w, "| connections | command | found | time | CPU | peak memory | rounds |")
	fmt.Fprintln(w, "|---:|---|---|---|---|---|---:|")
	for _, r := range results {
		if r.err != nil {
			continue
		}
		for i, c := range r.costs {
			if c.missing != "" {
				continue
			}
			found := ""
			if r.truth != nil {
				found = r.truth.String()
			}
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %d |\n", sizeOf(r), code(r.sides[i].name), found,
				milliseconds(durations(c.samples, wall)), milliseconds(durations(c.samples, cpu)), megabytes(c.peak), len(c.samples))
		}
	}
}

func problem(r result) string {
	if r.missing != "" {
		return r.missing + " is not there"
	}
	return "error: " + strings.ReplaceAll(r.err.Error(), "|", `\|`)
}

func sizeOf(r result) string {
	if r.once {
		return "0"
	}
	return fmt.Sprint(r.size) + r.unit
}

// code is the command in Markdown, fit for a cell of a table.
func code(command string) string {
	return "`" + strings.ReplaceAll(command, "|", `\|`) + "`"
}

func milliseconds(s spread[time.Duration]) string {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return fmt.Sprintf("%.1f ms (%.1f..%.1f)", ms(s.median), ms(s.min), ms(s.max))
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// machine says where the absolute numbers come from.
func machine() string {
	var name unix.Utsname
	unix.Uname(&name)
	return fmt.Sprintf("Measured on Linux %s, %s, %d processors%s.",
		unix.ByteSliceToString(name.Release[:]), runtime.GOARCH, runtime.NumCPU(), processor())
}

// processor is the processor's name as /proc/cpuinfo has it, where it has it.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == "model name" {
			return " (" + strings.TrimSpace(value) + ")"
		}
	}
	return ""
}
