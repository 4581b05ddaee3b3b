package dist

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A basket has the parts that Icinga Director 1.10 imports, and no others.
type basket struct {
	Command         map[string]basketCommand
	ServiceTemplate map[string]basketService
	DataList        map[string]basketList
	Datafield       map[string]basketField
}

type basketCommand struct {
	ObjectName     string                    `json:"object_name"`
	ObjectType     string                    `json:"object_type"`
	MethodsExecute string                    `json:"methods_execute"`
	Command        string                    `json:"command"`
	Timeout        json.Number               `json:"timeout"`
	Disabled       bool                      `json:"disabled"`
	Imports        []string                  `json:"imports"`
	Vars           map[string]any            `json:"vars"`
	Zone           *string                   `json:"zone"`
	IsString       *string                   `json:"is_string"`
	Arguments      map[string]basketArgument `json:"arguments"`
	Fields         []basketFieldUse          `json:"fields"`
}

type basketArgument struct {
	Value       string `json:"value"`
	SetIf       string `json:"set_if"`
	Description string `json:"description"`
	RepeatKey   bool   `json:"repeat_key"`
}

type basketFieldUse struct {
	DatafieldID int     `json:"datafield_id"`
	IsRequired  string  `json:"is_required"`
	VarFilter   *string `json:"var_filter"`
}

type basketService struct {
	ObjectName   string           `json:"object_name"`
	ObjectType   string           `json:"object_type"`
	CheckCommand string           `json:"check_command"`
	Imports      []string         `json:"imports"`
	Vars         map[string]any   `json:"vars"`
	Fields       []basketFieldUse `json:"fields"`
}

type basketList struct {
	ListName   string `json:"list_name"`
	Owner      string `json:"owner"`
	OriginalID string `json:"originalId"`
	Entries    []struct {
		Name         string  `json:"entry_name"`
		Value        string  `json:"entry_value"`
		Format       string  `json:"format"`
		AllowedRoles *string `json:"allowed_roles"`
	} `json:"entries"`
}

type basketField struct {
	Varname     string  `json:"varname"`
	Caption     string  `json:"caption"`
	Description string  `json:"description"`
	Datatype    string  `json:"datatype"`
	Format      *string `json:"format"`
	Settings    struct {
		Behavior string `json:"behavior"`
		DataType string `json:"data_type"`
		Datalist string `json:"datalist"`
	} `json:"settings"`
}

func readBasket(t *testing.T, path string) (b basket) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(read(t, path)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return b
}

// The parts of a basket fit together, and its command is the CheckCommand.
func TestDirectorBaskets(t *testing.T) {
	usr := install(t)
	for _, name := range testhost.Plugins(t) {
		b := readBasket(t, filepath.Join(usr, "share/doc/sockcensus/icinga/director", name+".json"))
		command := b.Command[name]
		if len(b.Command) != 1 || command.ObjectName != name || command.ObjectType != "object" || command.MethodsExecute != "PluginCheck" || command.Command != "PluginContribDir + /check_"+name {
			t.Errorf("%s: the basket's command is %+v", name, b.Command)
		}
		if diff := cmp.Diff(checkCommand(t, usr, name), command.Arguments); diff != "" {
			t.Errorf("%s: the basket's command has other arguments than the CheckCommand (-CheckCommand +basket):\n%s", name, diff)
		}
		service := b.ServiceTemplate["sockcensus-"+name]
		if service.ObjectName != "sockcensus-"+name || service.ObjectType != "template" || service.CheckCommand != name {
			t.Errorf("%s: the basket's service template is %+v", name, b.ServiceTemplate)
		}
		b.fieldsFit(t, name, command)
		b.listsFit(t, name)
	}
}

// fieldsFit looks for a field for the variable of each option.
func (b *basket) fieldsFit(t *testing.T, name string, command basketCommand) {
	t.Helper()
	var variables []string
	for _, use := range command.Fields {
		variables = append(variables, b.Datafield[fmt.Sprint(use.DatafieldID)].Varname)
	}
	for _, long := range helpOptions(t, name) {
		variable := name + "_" + strings.ReplaceAll(long, "-", "_")
		if got := command.Arguments["--"+long]; got.Value+got.SetIf != "$"+variable+"$" {
			t.Errorf("%s: --%s is given by %+v", name, long, got)
		}
		if !slices.Contains(variables, variable) {
			t.Errorf("%s: no field for %s", name, variable)
		}
	}
	if len(variables) != len(command.Arguments) || len(b.Datafield) != len(variables) {
		t.Errorf("%s: %d fields are used of %d for %d arguments", name, len(variables), len(b.Datafield), len(command.Arguments))
	}
}

// listsFit looks for the list of each field that has one. A list that is strict
// lets nothing else be chosen.
func (b *basket) listsFit(t *testing.T, name string) {
	t.Helper()
	for _, field := range b.Datafield {
		kind := strings.TrimPrefix(field.Datatype, `Icinga\Module\Director\DataType\DataType`)
		if !slices.Contains([]string{"String", "Array", "Boolean", "Datalist"}, kind) {
			t.Errorf("%s: %s is of type %s", name, field.Varname, field.Datatype)
		}
		if kind != "Datalist" {
			continue
		}
		list := b.DataList[field.Settings.Datalist]
		if list.ListName != field.Settings.Datalist || len(list.Entries) < 2 {
			t.Errorf("%s: the list of %s is %+v", name, field.Varname, list)
		}
		if open := strings.HasSuffix(field.Description, " or a number"); field.Settings.Behavior != map[bool]string{true: "suggest_optional", false: "strict"}[open] {
			t.Errorf("%s: %s (%s) is %s", name, field.Varname, field.Description, field.Settings.Behavior)
		}
	}
}

var commandArgument = regexp.MustCompile(`(?s)\t\t"(--[a-z0-9-]+)" = \{\n(.*?)\n\t\t\}`)

// checkCommand reads the arguments of a shipped CheckCommand.
func checkCommand(t *testing.T, usr, name string) map[string]basketArgument {
	t.Helper()
	arguments := map[string]basketArgument{}
	for _, match := range commandArgument.FindAllStringSubmatch(read(t, filepath.Join(usr, "share/doc/sockcensus/icinga/commands", name+".conf")), -1) {
		var a basketArgument
		for line := range strings.Lines(match[2] + "\n") {
			key, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
			var text string
			switch err := json.Unmarshal([]byte(value), &text); {
			case key == "repeat_key":
				a.RepeatKey = value == "true"
			case err != nil:
				t.Errorf("%s: %s", name, line)
			case key == "value":
				a.Value = text
			case key == "set_if":
				a.SetIf = text
			case key == "description":
				a.Description = text
			}
		}
		arguments[match[1]] = a
	}
	return arguments
}
