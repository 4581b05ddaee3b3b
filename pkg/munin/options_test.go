package munin

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// known are the options of a plugin in these tests.
func known(long string) (takesValue, ok bool) {
	switch long {
	case "port", "filter", "warning", "critical", "peer-port", "sample":
		return true, true
	case "no-wait", "verbose":
		return false, true
	default:
		return false, false
	}
}

func TestOptions(t *testing.T) {
	tests := []struct {
		name    string
		environ []string
		want    []string
	}{
		{"values", []string{"port=80,443", "filter=sport = :443"}, []string{"--port=80,443", "--filter=sport = :443"}},
		{"hyphens", []string{"peer_port=53"}, []string{"--peer-port=53"}},
		{"a hyphen is no name", []string{"peer-port=53"}, nil},
		{"empty is not set", []string{"port=", "filter=  ", "no_wait=", "p443_warning="}, nil},
		{"flags", []string{"no_wait=yes", "verbose=1"}, []string{"--no-wait", "--verbose"}},
		{"flags in capitals", []string{"no_wait=TRUE", "verbose=No"}, []string{"--no-wait"}},
		{"flags that are off", []string{"no_wait=0", "verbose=false"}, nil},
		{"thresholds", []string{"warning=5", "critical=~:10"}, []string{"--warning=5", "--critical=~:10"}},
		{"thresholds of a metric", []string{"p443_warning=100", "close_wait_critical=@5:6"}, []string{"--warning=p443=100", "--critical=close_wait=@5:6"}},
		{"thresholds of nothing", []string{"_warning=5"}, nil},
		{"the rest of an environment", []string{"PATH=/bin", "LC_ALL=C", "MUNIN_CAP_MULTIGRAPH=1", "PORT=5", "http_proxy=x", "=x", "novalue", ""}, nil},
		{"the last one counts", []string{"port=80", "filter=a", "port=443"}, []string{"--filter=a", "--port=443"}},
		{"emptied again", []string{"port=80", "port="}, nil},
		{"a prefix is another name", []string{"port=80", "porty=443"}, []string{"--port=80"}},
		{"a value with =", []string{"filter=sport = 443"}, []string{"--filter=sport = 443"}},
		{"looks like options", []string{"port=--filter=x"}, []string{"--port=--filter=x"}},
	}
	for _, tt := range tests {
		got, err := Options(tt.environ, known)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestOptionsRefuses(t *testing.T) {
	tests := []struct{ environ, want string }{
		{"no_wait=perhaps", `env.no_wait "perhaps": use 1, yes or true, or 0, no or false`},
		{"no_wait=2\n", `env.no_wait "2\x0a": use`},
		{"p443_warning=5,10", `env.p443_warning "5,10": use one range`},
	}
	for _, tt := range tests {
		words, err := Options([]string{"port=80", tt.environ}, known)
		var bad *OptionError
		if words != nil || !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q: %q, %v", tt.environ, words, err)
		}
	}
}

// Limits mean nothing to a plugin that has none.
func TestOptionsWithoutLimits(t *testing.T) {
	got, err := Options([]string{"p443_warning=5,6"}, func(string) (bool, bool) { return false, false })
	if got != nil || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzOptions(f *testing.F) {
	for _, s := range []string{"port=80", "no_wait=yes", "p443_warning=5", "_critical=\x00", "warning_warning=1", "filter=\n--port=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, variable string) {
		words, err := Options([]string{variable}, known)
		if err != nil {
			if text := err.Error(); strings.Trim(Quote(text), "") != text {
				t.Fatalf("error is not printable: %q", text)
			}
			return
		}
		for _, word := range words {
			long, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
			if _, ok := known(long); !ok || !strings.HasPrefix(word, "--") {
				t.Fatalf("%q became %q, which is no option", variable, word)
			}
		}
		if len(words) > 1 {
			t.Fatalf("%q became %q", variable, words)
		}
	})
}
