//go:build !shipped

package plugin

import (
	"bytes"
	"fmt"
	"strings"
)

// directorBasket is the check for Icinga Director: the command, a template for
// its services, a field for every option and a list for every closed set of
// values. Director gives the fields numbers of its own at import; those in the
// basket only connect its parts.
func (p *Plugin) directorBasket() []byte {
	options := p.directorOptions()
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"Command\": {\n    %[1]s: {\n", quoted(p.Name))
	fmt.Fprintf(&b, "      \"arguments\": %s,\n", object(options, func(o *optionDoc, _ int) string {
		return quoted("--"+o.long) + ": " + p.directorArgument(o)
	}))
	fmt.Fprintf(&b, "      \"command\": %s,\n      \"disabled\": false,\n", quoted("PluginContribDir + /check_"+p.Name))
	fmt.Fprintf(&b, "      \"fields\": [%s],\n", strings.Trim(object(options, directorField), "{}"))
	fmt.Fprintf(&b, "      \"imports\": [],\n      \"is_string\": null,\n      \"methods_execute\": \"PluginCheck\",\n"+
		"      \"object_name\": %s,\n      \"object_type\": \"object\",\n      \"timeout\": \"60\",\n      \"vars\": {},\n      \"zone\": null\n    }\n  },\n", quoted(p.Name))
	fmt.Fprintf(&b, "  \"ServiceTemplate\": {\n    %[1]s: {\n      \"check_command\": %[2]s,\n      \"fields\": [],\n      \"imports\": [],\n"+
		"      \"object_name\": %[1]s,\n      \"object_type\": \"template\",\n      \"vars\": {}\n    }\n  },\n", quoted("sockcensus-"+p.Name), quoted(p.Name))
	fmt.Fprintf(&b, "  \"DataList\": %s,\n", object(withValues(options), func(o *optionDoc, id int) string { return p.directorList(o, id) }))
	fmt.Fprintf(&b, "  \"Datafield\": %s\n}\n", object(options, func(o *optionDoc, id int) string {
		return fmt.Sprintf("\"%d\": %s", id, p.directorDatafield(o))
	}))
	return b.Bytes()
}

// directorOptions are the options that a service can have.
func (p *Plugin) directorOptions() []optionDoc {
	var options []optionDoc
	for _, o := range optionDocs(p.New()) {
		if !o.asks() {
			options = append(options, o)
		}
	}
	return options
}

func withValues(options []optionDoc) []optionDoc {
	var closed []optionDoc
	for _, o := range options {
		if len(o.values()) > 0 {
			closed = append(closed, o)
		}
	}
	return closed
}

// object joins the members that member makes of the options, numbered from 1.
func object(options []optionDoc, member func(o *optionDoc, id int) string) string {
	var members []string
	for i := range options {
		members = append(members, member(&options[i], i+1))
	}
	return "{\n    " + strings.Join(members, ",\n    ") + "\n  }"
}

func (p *Plugin) directorArgument(o *optionDoc) string {
	variable, text := quoted("$"+p.variable(o)+"$"), quoted(o.explained())
	switch {
	case o.value == "":
		return fmt.Sprintf("{\"set_if\": %s, \"description\": %s}", variable, text)
	case o.repeats:
		return fmt.Sprintf("{\"value\": %s, \"description\": %s, \"repeat_key\": true}", variable, text)
	default:
		return fmt.Sprintf("{\"value\": %s, \"description\": %s}", variable, text)
	}
}

func directorField(_ *optionDoc, id int) string {
	return fmt.Sprintf("{\"datafield_id\": %d, \"is_required\": \"n\", \"var_filter\": null}", id)
}

func (p *Plugin) directorDatafield(o *optionDoc) string {
	kind, settings := "String", `{}`
	switch {
	case o.value == "":
		kind = "Boolean"
	case len(o.values()) > 0:
		data := "string"
		if o.repeats {
			data = "array"
		}
		behavior := "strict"
		if o.takesOthers() {
			behavior = "suggest_optional"
		}
		kind, settings = "Datalist", fmt.Sprintf(`{"behavior": %s, "data_type": %s, "datalist": %s}`, quoted(behavior), quoted(data), quoted(p.listName(o)))
	case o.repeats:
		kind = "Array"
	}
	return fmt.Sprintf("{\"varname\": %s, \"caption\": %s, \"description\": %s, \"datatype\": %s, \"format\": null, \"settings\": %s}",
		quoted(p.variable(o)), quoted(p.Name+" "+o.long), quoted(o.explained()), quoted(`Icinga\Module\Director\DataType\DataType`+kind), settings)
}

func (p *Plugin) listName(o *optionDoc) string { return "sockcensus " + p.Name + " " + o.long }

func (p *Plugin) directorList(o *optionDoc, id int) string {
	var entries []string
	for _, word := range o.values() {
		entries = append(entries, fmt.Sprintf("{\"entry_name\": %[1]s, \"entry_value\": %[1]s, \"format\": \"string\", \"allowed_roles\": null}", quoted(word)))
	}
	name := quoted(p.listName(o))
	return fmt.Sprintf("%[1]s: {\"list_name\": %[1]s, \"owner\": \"sockcensus\", \"originalId\": \"%d\", \"entries\": [%s]}", name, id, strings.Join(entries, ", "))
}
