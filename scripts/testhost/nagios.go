package testhost

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// NagiosOptions are the checks of a Nagios fixture. Both texts are Nagios object
// files' language: `;` begins a comment and is written `\;`, `$` is written `$$`.
type NagiosOptions struct {
	Checks  map[string]string // service description to its command_line
	Objects string            // more definitions; host "test" and template "test-service" exist
	Netns   *Netns
}

// Nagios is a real Nagios 4 that runs checks as user nagios, each every other
// second.
type Nagios struct {
	t      testing.TB
	dir    string
	proc   *process
	config string
}

// NagiosService is what Nagios knows of a service after a check.
type NagiosService struct {
	State      int    // 0 to 3
	Output     string // line 1 before the bar, as Nagios keeps it
	LongOutput string // further lines, joined by a backslash and an n
	PerfData   string
	PerfFile   string // the last performance data Nagios handed on for it
}

// NewNagios starts Nagios 4. Its own verification of the configuration must pass
// without a warning.
func NewNagios(t testing.TB, o NagiosOptions) *Nagios {
	t.Helper()
	NeedRoot(t)
	path, user := Need(t, "nagios4"), NagiosUser(t)
	n := &Nagios{t: t, dir: Dir(t)}
	n.config = filepath.Join(n.dir, "nagios.cfg")
	for _, sub := range []string{"var", "var/results", "var/tmp"} {
		ownedDir(t, user, filepath.Join(n.dir, sub))
	}
	writeFile(t, filepath.Join(n.dir, "objects.cfg"), nagiosObjects+nagiosChecks(o.Checks)+o.Objects)
	writeFile(t, n.config, fmt.Sprintf(nagiosConfig, n.dir))
	if r := Run(t, Command{Path: path, Args: []string{"-v", n.config}, User: user}); r.Code != 0 || !strings.Contains(r.Stdout, "Total Warnings: 0") {
		t.Fatalf("nagios4 does not accept the configuration: %s", r)
	}
	var out bytes.Buffer
	n.proc = start(t, Command{Path: path, Args: []string{n.config}, User: user, Netns: o.Netns}, &out, &out)
	t.Cleanup(n.proc.stop)
	n.proc.waitFor(t, "nagios4", readyLimit, n.Log, func() bool { _, err := os.Stat(n.file("status.dat")); return err == nil })
	return n
}

func (n *Nagios) file(name string) string { return filepath.Join(n.dir, "var", name) }

// Log is what Nagios has logged so far.
func (n *Nagios) Log() string { return readLog(n.file("nagios.log")) }

// Service waits until a service has been checked and its performance data, if
// any, handed on, and returns what Nagios made of it.
func (n *Nagios) Service(description string) NagiosService {
	n.t.Helper()
	var found NagiosService
	n.proc.waitFor(n.t, "the check of "+description, readyLimit, func() string { return n.Log() + readLog(n.file("status.dat")) }, func() bool {
		var ok bool
		found, ok = nagiosStatus(readLog(n.file("status.dat")), description)
		found.PerfFile = nagiosPerf(readLog(n.file("perfdata")), description)
		return ok && (found.PerfData == "" || found.PerfFile != "") && !found.halved()
	})
	return found
}

// halved reports whether Nagios kept the first 4,096 bytes alone. Its worker reads
// so many at a time, and under load it sometimes learns that the plugin has ended
// before it has read twice: then the rest is lost
// (https://github.com/NagiosEnterprises/nagioscore/issues/625). The next check is
// as good as any.
func (s *NagiosService) halved() bool {
	kept := len(s.Output) + len(" | ") + len(s.PerfData) + len("\n") + len(strings.ReplaceAll(s.LongOutput, `\n`, "\n"))
	return kept == nagiosRead || kept == nagiosRead-1 // where it ends in a newline
}

const nagiosRead = 4096

// nagiosStatus finds a checked service in status.dat.
func nagiosStatus(status, description string) (found NagiosService, ok bool) {
	for block := range strings.SplitSeq(status, "servicestatus {") {
		fields := map[string]string{}
		for line := range strings.Lines(block) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			fields[key] = value
			if key == "}" {
				break
			}
		}
		if fields["service_description"] != description || fields["has_been_checked"] != "1" {
			continue
		}
		if _, err := fmt.Sscan(fields["current_state"], &found.State); err != nil {
			return found, false
		}
		found.Output, found.LongOutput, found.PerfData = fields["plugin_output"], fields["long_plugin_output"], fields["performance_data"]
		return found, true
	}
	return found, false
}

// nagiosPerf finds the last whole line for a service in the performance data file.
func nagiosPerf(text, description string) (last string) {
	for line := range strings.Lines(text) {
		if name, data, ok := strings.Cut(line, "\t"); ok && name == description && strings.HasSuffix(data, "\n") {
			last = strings.TrimSuffix(data, "\n")
		}
	}
	return last
}

func nagiosChecks(checks map[string]string) string {
	var text strings.Builder
	number := 0
	for description, line := range checks {
		number++
		fmt.Fprintf(&text, `
define command {
	command_name test-%[1]d
	command_line %[3]s
}
define service {
	use test-service
	service_description %[2]s
	check_command test-%[1]d
}
`, number, description, line)
	}
	return text.String()
}

const nagiosObjects = `
define timeperiod {
	timeperiod_name always
	alias always
	sunday 00:00-24:00
	monday 00:00-24:00
	tuesday 00:00-24:00
	wednesday 00:00-24:00
	thursday 00:00-24:00
	friday 00:00-24:00
	saturday 00:00-24:00
}
define command {
	command_name tell-nobody
	command_line /bin/true
}
define contact {
	contact_name nobody
	host_notifications_enabled 0
	service_notifications_enabled 0
	host_notification_period always
	service_notification_period always
	host_notification_commands tell-nobody
	service_notification_commands tell-nobody
	host_notification_options n
	service_notification_options n
}
define host {
	host_name test
	address 127.0.0.1
	max_check_attempts 1
	check_period always
	contacts nobody
	notification_period always
	notifications_enabled 0
}
define service {
	name test-service
	register 0
	host_name test
	max_check_attempts 1
	check_interval 2
	retry_interval 2
	check_period always
	contacts nobody
	notification_period always
	notification_interval 0
	notifications_enabled 0
}
define service {
	use test-service
	service_description test-itself
	check_command tell-nobody
}
`

const nagiosConfig = `cfg_file=%[1]s/objects.cfg
log_file=%[1]s/var/nagios.log
object_cache_file=%[1]s/var/objects.cache
precached_object_file=%[1]s/var/objects.precache
status_file=%[1]s/var/status.dat
status_update_interval=1
check_external_commands=0
command_file=%[1]s/var/nagios.cmd
query_socket=%[1]s/var/nagios.qh
lock_file=%[1]s/var/nagios.pid
temp_file=%[1]s/var/nagios.tmp
temp_path=%[1]s/var/tmp
check_result_path=%[1]s/var/results
state_retention_file=%[1]s/var/retention.dat
retain_state_information=0
log_rotation_method=n
use_syslog=0
nagios_user=nagios
nagios_group=nagios
interval_length=1
service_inter_check_delay_method=n
service_interleave_factor=1
max_service_check_spread=1
check_result_reaper_frequency=1
service_check_timeout=60
check_for_updates=0
enable_notifications=0
enable_flap_detection=0
process_performance_data=1
service_perfdata_file=%[1]s/var/perfdata
service_perfdata_file_template=$SERVICEDESC$\t$SERVICEPERFDATA$
service_perfdata_file_mode=a
service_perfdata_file_processing_interval=0
illegal_object_name_chars=` + "`~!$%%^&*|'\"<>?,()=" + `
illegal_macro_output_chars=` + "`~$&|'\"<>" + `
`
