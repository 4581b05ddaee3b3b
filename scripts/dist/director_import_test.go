package dist

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// director is a real Icinga Director with a database of its own. It skips where
// Director is not installed, in CI too: it takes PHP and PostgreSQL.
type director struct {
	t        *testing.T
	ns       *testhost.Netns
	postgres *testhost.User
	bin, dir string
}

const directorModules = "/usr/share/icingaweb2/modules"

func newDirector(t *testing.T) *director {
	t.Helper()
	testhost.NeedRoot(t)
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if _, err := os.Stat(directorModules + "/director"); err != nil || len(found) == 0 {
		t.Skip("SKIPPED: Icinga Director is not installed: apt-get install --no-install-recommends icingaweb2-module-director icingacli php-cli php-pgsql php-intl php-mbstring php-xml postgresql")
	}
	d := &director{t: t, ns: testhost.NewNetns(t), postgres: testhost.LookupUser(t, "postgres", ""), bin: filepath.Dir(found[0]), dir: testhost.Dir(t)}
	d.write("resources.ini", "[db]\ntype = db\ndb = pgsql\nhost = 127.0.0.1\nport = 5432\ndbname = director\nusername = postgres\npassword = x\ncharset = utf8\n")
	d.write("config.ini", "[global]\nconfig_backend = db\nconfig_resource = db\nmodule_path = "+directorModules+"\n[logging]\nlog = none\n")
	d.write("modules/director/config.ini", "[db]\nresource = db\n")
	for _, name := range []string{"director", "incubator", "reactbundle"} {
		d.write("enabledModules/.keep", "")
		if err := os.Symlink(filepath.Join(directorModules, name), filepath.Join(d.dir, "enabledModules", name)); err != nil {
			t.Fatal(err)
		}
	}
	d.startDatabase()
	d.cli("", "director", "migration", "run")
	return d
}

func (d *director) write(name, text string) {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *director) startDatabase() {
	d.t.Helper()
	data := filepath.Join(d.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Chown(data, int(d.postgres.UID), int(d.postgres.GID)); err != nil {
		d.t.Fatal(err)
	}
	made := testhost.Run(d.t, testhost.Command{Path: filepath.Join(d.bin, "initdb"), Args: []string{"-D", data, "-A", "trust", "-N"}, User: d.postgres})
	if made.Code != 0 {
		d.t.Fatalf("initdb: %s", made)
	}
	testhost.Background(d.t, testhost.Command{
		Path: filepath.Join(d.bin, "postgres"), User: d.postgres, Netns: d.ns,
		Args: []string{"-D", data, "-k", data, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "dynamic_shared_memory_type=mmap"},
	})
	for range 100 {
		if d.psql("postgres", "create database director").Code == 0 {
			d.psql("director", "create extension pgcrypto")
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	d.t.Fatal("PostgreSQL does not answer")
}

func (d *director) psql(database, statement string) testhost.Result {
	d.t.Helper()
	return testhost.Run(d.t, testhost.Command{Path: filepath.Join(d.bin, "psql"), Args: []string{"-h", "127.0.0.1", "-U", "postgres", "-qAt", database, "-c", statement}, Netns: d.ns})
}

// cli runs icingacli, which has to succeed.
func (d *director) cli(stdin string, args ...string) string {
	d.t.Helper()
	path, err := exec.LookPath("icingacli")
	if err != nil {
		d.t.Fatal(err)
	}
	r := testhost.Run(d.t, testhost.Command{
		Path: path, Args: args, Netns: d.ns, Stdin: stdin,
		Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "ICINGAWEB_CONFIGDIR=" + d.dir},
	})
	if r.Code != 0 || strings.Contains(r.Stdout+r.Stderr, "ERROR") {
		d.t.Fatalf("icingacli %s: %s", strings.Join(args, " "), r)
	}
	return r.Stdout
}

// Director takes each basket, twice with the same result; from services that
// import its templates it makes a configuration that Icinga runs.
func TestDirector(t *testing.T) {
	d, usr := newDirector(t), install(t)
	fields := func() string { return d.psql("director", "select count(*) from director_datafield").Stdout }
	var first string
	for range 2 {
		for _, name := range testhost.Plugins(t) {
			d.cli(read(t, filepath.Join(usr, "share/doc/sockcensus/icinga/director", name+".json")), "director", "basket", "restore")
		}
		if first == "" {
			first = fields()
		}
	}
	if second := fields(); first != second {
		t.Errorf("there are %s fields, and %s when the baskets are taken again", first, second)
	}
	if loose := d.psql("director", "select f.varname from director_datafield f where datatype like '%Datalist' and not exists (select 1 from director_datafield_setting s join director_datalist l on l.id::text = s.setting_value where s.datafield_id = f.id and s.setting_name = 'datalist_id')"); loose.Code != 0 || loose.Stdout != "" {
		t.Errorf("fields without their list: %s", loose)
	}
	d.cli("", "director", "command", "create", "dummy", "--json", `{"object_type": "external_object", "methods_execute": "PluginCheck"}`)
	d.cli("", "director", "host", "create", "basis", "--json", `{"object_type": "template", "check_command": "dummy", "check_interval": 2}`)
	d.cli("", "director", "host", "create", "web1", "--json", `{"object_type": "object", "imports": ["basis"]}`)
	for _, name := range testhost.Plugins(t) {
		d.cli("", "director", "service", "create", name+"-test", "--json",
			fmt.Sprintf(`{"object_type": "object", "host": "web1", "imports": ["sockcensus-%[1]s"], "check_interval": 2, "vars": {"%[1]s_timeout": "5s", "%[1]s_verbose": true}}`, name))
	}
	d.cli("", "director", "config", "render")
	made := d.psql("director", "select g.content from director_generated_config_file f join director_generated_file g on g.checksum = f.file_checksum where f.file_path not like '%basics%' order by f.file_path")
	config := strings.ReplaceAll(made.Stdout, "PluginContribDir", fmt.Sprintf("%q", filepath.Join(usr, "lib/nagios/plugins")))
	icinga := testhost.NewIcinga(t, testhost.IcingaOptions{Config: config, Netns: d.ns})
	for _, name := range testhost.Plugins(t) {
		got := icinga.Service("web1!" + name + "-test")
		want := []string{filepath.Join(usr, "lib/nagios/plugins/check_"+name), "--timeout", "5s", "--verbose"}
		if fmt.Sprint(got.Command) != fmt.Sprint(want) || mistaken(got.Output) || !regexp.MustCompile("^"+strings.ToUpper(name)+" [A-Z]+ - ").MatchString(got.Output) {
			t.Errorf("%s: Icinga shows %+v, want the result of %q", name, got, want)
		}
	}
}
