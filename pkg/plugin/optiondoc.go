//go:build !shipped

package plugin

import (
	"reflect"
	"slices"
	"strings"

	"github.com/jessevdk/go-flags"
)

// An optionDoc is one option as every kind of documentation needs it: manual
// page, Munin documentation, completion, Icinga's command definition.
type optionDoc struct {
	// short is a letter or empty, long has no dashes.
	short, long string
	// value names the value; a switch has none.
	value, text string
	// repeats tells that the option may be given several times.
	repeats bool
	// closed holds the words that the value can be, separated by blanks, where
	// these are a closed set.
	closed string
}

// optionDocs describes the options in the order of --help, without the hidden
// ones.
func optionDocs(options any) []optionDoc {
	var docs []optionDoc
	for _, group := range newParser("", options).Groups() {
		eachOption(group, func(o *flags.Option) {
			if !o.Hidden {
				docs = append(docs, newOptionDoc(o))
			}
		})
	}
	shareValues(docs)
	return docs
}

// shareValues gives options whose values have the same name the same values:
// --exclude STATE takes what --state STATE lists.
func shareValues(docs []optionDoc) {
	for i := range docs {
		for j := range docs {
			if docs[i].closed == "" && docs[i].value == docs[j].value {
				docs[i].closed = docs[j].closed
			}
		}
	}
}

func newOptionDoc(o *flags.Option) optionDoc {
	d := optionDoc{long: o.LongName, text: o.Description, repeats: o.Field().Type.Kind() == reflect.Slice}
	if o.ShortName != 0 {
		d.short = string(o.ShortName)
	}
	if !isSwitch(o) {
		d.value = o.ValueName
		if d.value == "" {
			d.value = "VALUE"
		}
		d.closed = strings.Join(closedSet(d.value, d.text), " ")
	}
	return d
}

func eachOption(group *flags.Group, yield func(*flags.Option)) {
	for _, o := range group.Options() {
		yield(o)
	}
	for _, g := range group.Groups() {
		eachOption(g, yield)
	}
}

// asks reports whether the option asks about the program itself, which no
// configuration file does.
func (d *optionDoc) asks() bool { return d.long == "help" || d.long == "version" }

// values returns the words of a closed set, if the value is from one.
func (d *optionDoc) values() []string { return strings.Fields(d.closed) }

// takesOthers reports whether the value can be something beside the listed words,
// as in "a, b or a number".
func (d *optionDoc) takesOthers() bool {
	_, last, _ := strings.Cut(d.text, " or ")
	if i := strings.IndexAny(last, ";("); i >= 0 {
		last = last[:i]
	}
	return !strings.Contains(d.value, "|") && strings.Contains(strings.TrimSpace(last), " ")
}

// closedSet finds the words that a value can be: in a value name such as
// auto|netlink|proc, or in a description that lists them, "a, b or c". Nothing
// else is known about an option than what its help says.
func closedSet(value, text string) []string {
	if words := strings.Split(value, "|"); len(words) > 1 && areWords(words) {
		return words
	}
	return listedWords(text)
}

// listedWords finds the first "a, b or c" in a sentence. Of "count by a" it
// takes the a.
func listedWords(text string) []string {
	if i := strings.IndexAny(text, ";("); i >= 0 {
		text = text[:i]
	}
	head, tail, ok := strings.Cut(text, " or ")
	if !ok {
		return nil
	}
	words := strings.Split(head, ", ")
	if len(words) < 2 {
		return nil
	}
	first := strings.TrimSuffix(words[0], " ")
	words[0] = first[strings.LastIndexByte(first, ' ')+1:]
	if last, rest, _ := strings.Cut(strings.TrimSpace(tail), " "); rest == "" {
		words = append(words, last)
	}
	if !areWords(words) {
		return nil
	}
	return words
}

// areWords reports whether all are words that a user could write as they are:
// names in capitals stand for something else.
func areWords(words []string) bool {
	for _, word := range words {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			return false
		}
	}
	return true
}

// A commandDoc is one thing that the binary can be asked, with its options.
type commandDoc struct {
	// name is one or two words; operand names the word behind the options.
	name, operand, summary string
	options                []optionDoc
}

// commandDocs describes all commands, the check first.
func (p *Plugin) commandDocs() []commandDoc {
	measured := optionDocs(p.New())
	docs := []commandDoc{{name: "check", summary: "the Nagios check, as check_" + p.Name, options: measured}}
	for i := range p.Commands {
		c := &p.Commands[i]
		docs = append(docs, commandDoc{name: c.Name, operand: c.Operand, summary: c.Summary, options: optionDocs(c.New())})
	}
	return append(docs, commandDoc{name: "metrics", summary: metricsSummary, options: withoutLimits(measured)})
}

// withoutLimits drops the options of the check that metrics refuses.
func withoutLimits(options []optionDoc) []optionDoc {
	return slices.DeleteFunc(slices.Clone(options), func(o optionDoc) bool { return slices.Contains(checkOnly(), o.long) })
}
