package threshold

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// The table of examples in the guideline, with values on both sides of every end.
func TestGuidelineExamples(t *testing.T) {
	tests := []struct {
		text  string
		alert []float64
		fine  []float64
	}{
		{"10", []float64{-1, -0.001, 10.001, 11}, []float64{0, 5, 10}},
		{"10:", []float64{-1, 9.999}, []float64{10, 1e12, math.Inf(1)}},
		{"~:10", []float64{10.001, 11, math.Inf(1)}, []float64{math.Inf(-1), -5, 0, 10}},
		{"10:20", []float64{9.999, 20.001}, []float64{10, 15, 20}},
		{"@10:20", []float64{10, 15, 20}, []float64{9.999, 20.001}},
		// From the guideline's command line examples.
		{"0:", []float64{-1}, []float64{0, 1}},
		{"1:1", []float64{0, 2}, []float64{1}},
		{"@1:1", []float64{1}, []float64{0, 2}},
		// The other spellings.
		{":10", []float64{-1, 11}, []float64{0, 10}},
		{"-inf:10", []float64{11}, []float64{-1e12, 10}},
		{"10:inf", []float64{9}, []float64{10, 1e12}},
		{"@10", []float64{0, 10}, []float64{-1, 11}},
		{"@~:10", []float64{-1e12, 10}, []float64{10.1}},
		{"@10:", []float64{10, 1e12}, []float64{9.9}},
		{"-10:-5", []float64{-11, -4, 0}, []float64{-10, -7.5, -5}},
		{"-5:5", []float64{-6, 6}, []float64{-5, 0, 5}},
		{"0.5:1.5", []float64{0.4, 1.6}, []float64{0.5, 1, 1.5}},
		{"~:", nil, []float64{math.Inf(-1), 0, math.Inf(1)}},
		{" 10 ", []float64{11}, []float64{10}},
		{"1e3", []float64{1001}, []float64{1000}},
	}
	for _, tt := range tests {
		r, err := Parse(tt.text)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.text, err)
			continue
		}
		for _, v := range tt.alert {
			if !r.Alerts(v) {
				t.Errorf("%q does not alert on %v", tt.text, v)
			}
		}
		for _, v := range tt.fine {
			if r.Alerts(v) {
				t.Errorf("%q alerts on %v", tt.text, v)
			}
		}
		if !r.Alerts(math.NaN()) {
			t.Errorf("%q is silent on NaN", tt.text)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "no number"},
		{" ", "no number"},
		{":", "no number"},
		{"@", "no number"},
		{"@:", "no number"},
		{"10:5", "start 10 is greater than end 5"},
		{"-5", "~:-5 alerts above it"},
		{"abc", `"abc" is not a number`},
		{"@~:", "always alert"},
		{"@-inf:inf", "always alert"},
		{"5:~", "before the colon"},
		{"~", "before the colon"},
		{"-inf", "greater"},
		{"inf:", "no number lies in it"},
		{"~:-inf", "no number lies in it"},
		{"nan", "not a number"},
		{"nan:5", "not a number"},
		{"infinity", "not a number"},
		{"0x10", "not a number"},
		{"1_000", "not a number"},
		{"1,5", "not a number"},
		{"10%", "not a number"},
		{"10 : 20", "not a number"},
		{"1:2:3", "not a number"},
		{"@@1", "not a number"},
		{"10@", "not a number"},
		{"--5:", "not a number"},
		{"e", "not a number"},
		{"1e", "not a number"},
		{"1e999", "more digits"},
		{"1e300", "more digits"},
		{"1e-300", "more digits"},
		{strings.Repeat("1", 200), "too long"},
		{"1|x=1`\n\xff", `\x7cx=1\x60\x0a\xff`},
	}
	for _, tt := range tests {
		r, err := Parse(tt.text)
		if err == nil {
			t.Errorf("Parse(%q) = %v, want an error", tt.text, r)
			continue
		}
		if r != (Range{}) {
			t.Errorf("Parse(%q) gives %v beside the error", tt.text, r)
		}
		var rangeErr *RangeError
		if !errors.As(err, &rangeErr) || rangeErr.Text != tt.text {
			t.Errorf("Parse(%q): error %#v does not carry what was given", tt.text, err)
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse(%q): error %q does not say %q", tt.text, err, tt.want)
		}
		if !strings.Contains(err.Error(), "10:20 and @10:20") {
			t.Errorf("Parse(%q): error %q does not say what is allowed", tt.text, err)
		}
	}
}

func TestString(t *testing.T) {
	tests := []struct{ text, want string }{
		{"10", "10"}, {"0:10", "10"}, {":10", "10"}, {"10:", "10:"}, {"10:inf", "10:"},
		{"~:10", "~:10"}, {"-inf:10", "~:10"}, {"@0:10", "@10"}, {"@10:20", "@10:20"},
		{"inf", "0:"}, {"~:", "~:"}, {"1e6:", "1000000:"}, {"0.1:0.25", "0.1:0.25"},
		{"-0:5", "5"}, {"-0:", "0:"}, {"+5", "5"}, {"~:-0", "~:0"}, {"05", "5"},
	}
	for _, tt := range tests {
		if got := MustParse(tt.text).String(); got != tt.want {
			t.Errorf("%q is printed as %q, want %q", tt.text, got, tt.want)
		}
	}
	if got := (Range{}).String(); got != "" {
		t.Errorf("no range is printed as %q", got)
	}
}

func TestZeroRange(t *testing.T) {
	var r Range
	if r.IsSet() || r.Alerts(-1) || r.Alerts(math.NaN()) || r.StartInfinite() || r.EndInfinite() {
		t.Errorf("the zero range is not empty: %+v", r)
	}
}

func TestAccessors(t *testing.T) {
	r := MustParse("@~:7")
	if !r.IsSet() || !r.Inside() || !r.StartInfinite() || r.EndInfinite() || r.End() != 7 || !math.IsInf(r.Start(), -1) {
		t.Errorf("@~:7 is %+v", r)
	}
	if MustParse("0:7") != MustParse("7") || MustParse("7") == MustParse("@7") {
		t.Error("== does not mean the same range")
	}
}

func TestMustParsePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	MustParse("x")
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"10", "10:", "~:10", "10:20", "@10:20", "-inf:inf", "@~:", "abc", "1e5:1e6", "-0", ".5:", "1|2", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			for _, c := range []byte(err.Error()) {
				if c < ' ' || c > '~' || c == '|' || c == '`' {
					t.Fatalf("error carries byte %#x: %q", c, err)
				}
			}
			return
		}
		printed := r.String()
		if strings.ContainsAny(printed, "eE") {
			t.Fatalf("%q is printed with an exponent: %q", text, printed)
		}
		again, err := Parse(printed)
		if err != nil || again != r {
			t.Fatalf("%q is printed as %q, which reads as %v, %v", text, printed, again, err)
		}
		if r.start > r.end {
			t.Fatalf("%q: start is greater than end", text)
		}
	})
}
