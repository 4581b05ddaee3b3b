package conntrack

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

// procOf makes a /proc of files.
func procOf(files map[string]string) fstest.MapFS {
	proc := fstest.MapFS{}
	for name, text := range files {
		proc[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return proc
}

const (
	// A Linux 6.18 heading and one of Linux 3.10, which has other columns.
	newStats = `entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
0000000f  00000001 00000000 00000000 00000002 00000000 00000000 00000003 00000000 00000004 00000005 00000006 00000007  00000000 00000000 00000000 00000008
0000000f  00000001 00000000 00000000 ffffffff 00000000 00000000 00000003 00000000 00000004 00000005 00000006 00000007  00000000 00000000 00000000 00000008
`
	oldStats = `entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
0000000f  00000001 00000009 00000000 00000002 00000000 00000000 00000003 00000000 00000004 00000005 00000006 00000007  00000000 00000000 00000000 00000008
`
)

func TestReadTable(t *testing.T) {
	table, err := ReadTable(procOf(map[string]string{sysctlCount: "120\n", sysctlMax: "400\n"}))
	if percent, ok := table.UsedPercent(); err != nil || percent != 30 || !ok {
		t.Errorf("%+v %v %v, error %v", table, percent, ok, err)
	}
	table, err = ReadTable(procOf(map[string]string{sysctlCount: "120\n", sysctlMax: "0\n"}))
	if _, ok := table.UsedPercent(); err != nil || ok || !table.MaxKnown {
		t.Errorf("no limit: %+v, error %v", table, err)
	}
	for name, files := range map[string]map[string]string{
		"nothing": {},
		"no max":  {sysctlCount: "1\n"},
	} {
		_, err := ReadTable(procOf(files))
		if !errors.Is(err, ErrNotLoaded) || !strings.Contains(err.Error(), "modprobe nf_conntrack") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "x", "-1", "1 2", strings.Repeat("9", 500)} {
		_, err := ReadTable(procOf(map[string]string{sysctlCount: bad, sysctlMax: "1"}))
		if err == nil || errors.Is(err, ErrNotLoaded) || len(err.Error()) > 300 {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestReadTableOf(t *testing.T) {
	proc := procOf(map[string]string{"7/net/" + statFile: newStats, sysctlMax: "30\n"})
	if table, err := ReadTableOf(proc, "7/net"); err != nil || table != (Table{Used: 15, Max: 30, MaxKnown: true}) {
		t.Errorf("%+v, error %v", table, err)
	}
	for _, missing := range []string{"7/net/" + statFile, sysctlMax} {
		delete(proc, missing)
		if _, err := ReadTableOf(proc, "7/net"); !errors.Is(err, ErrNotLoaded) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

func TestReadStats(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want map[Counter]uint64
		gone []Counter
	}{
		"6.18": {newStats, map[Counter]uint64{ClashResolve: 2, Invalid: 2 + 0xffffffff, ChainTooLong: 6, InsertFailed: 8, Drop: 10, EarlyDrop: 12, ErrorCounter: 14, SearchRestart: 16}, nil},
		"3.10": {oldStats, map[Counter]uint64{Found: 9, Invalid: 2, InsertFailed: 4, ErrorCounter: 7}, []Counter{ClashResolve, ChainTooLong}},
	} {
		stats, err := ReadStats(procOf(map[string]string{"self/net/" + statFile: test.text}), "self/net")
		if err != nil || stats.Used != 15 {
			t.Fatalf("%s: %+v, error %v", name, stats, err)
		}
		sum := Sum(stats.CPUs)
		for c, want := range test.want {
			if n, known := sum.Get(c); n != want || !known {
				t.Errorf("%s: %v is %d %v, want %d", name, c, n, known, want)
			}
		}
		for _, c := range test.gone {
			if n, known := sum.Get(c); known {
				t.Errorf("%s: %v is %d but the kernel has none", name, c, n)
			}
		}
	}
	if _, known := (&Stats{}).Get(numCounters); known {
		t.Error("a counter beyond the last is known")
	}
}

func TestReadStatsErrors(t *testing.T) {
	header, line, _ := strings.Cut(newStats, "\n")
	for name, text := range map[string]string{
		"empty":        "",
		"other":        "cpu 1 2 3\n",
		"few numbers":  header + "\n00000001 00000002\n",
		"not a number": header + "\n" + strings.Replace(line, "00000005", "0000000g", 1),
	} {
		_, err := ReadStats(procOf(map[string]string{"net/" + statFile: text}), "net")
		if err == nil || errors.Is(err, ErrNotLoaded) || !strings.Contains(err.Error(), statFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadStats(procOf(nil), "net"); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("no file: %v", err)
	}
}

func TestDetect(t *testing.T) {
	header, _, _ := strings.Cut(newStats, "\n")
	zeros := header + "\n" + strings.Repeat("00000000 ", 17) + "\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  Use
		says  string
	}{
		"not loaded":           {nil, NotLoaded, "not loaded"},
		"unused":               {map[string]string{"net/" + statFile: zeros}, Unused, "not in use"},
		"entries":              {map[string]string{"net/" + statFile: newStats}, InUse, "in use"},
		"trouble":              {map[string]string{"net/" + statFile: strings.Replace(newStats, "0000000f", "00000000", 2)}, InUse, "in use"},
		"no statistics":        {map[string]string{sysctlCount: "4", sysctlMax: "9"}, InUse, "in use"},
		"no statistics, empty": {map[string]string{sysctlCount: "0", sysctlMax: "9"}, Unused, "not in use"},
	} {
		use, err := Detect(procOf(test.files), "net")
		if err != nil || use != test.want || !strings.Contains(use.String(), test.says) {
			t.Errorf("%s: %v, error %v", name, use, err)
		}
	}
	if _, err := Detect(procOf(map[string]string{"net/" + statFile: "?"}), "net"); err == nil {
		t.Error("nonsense is no error")
	}
}
