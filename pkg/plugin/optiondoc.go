package plugin

import (
	"reflect"
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
	return docs
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

// values returns what the value can be, where that is a closed set: a value
// name such as auto|netlink|proc, or a description that lists words, "a, b or
// c". Nothing else is known about an option than what its help says.
func (d *optionDoc) values() []string {
	if d.value == "" {
		return nil
	}
	if words := strings.Split(d.value, "|"); len(words) > 1 && areWords(words) {
		return words
	}
	return listedWords(d.text)
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
	return append(docs, commandDoc{name: "metrics", summary: metricsSummary, options: measured})
}

const metricsSummary = "the check's metrics in the Prometheus text format"
