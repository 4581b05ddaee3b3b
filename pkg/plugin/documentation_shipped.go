//go:build shipped

package plugin

// documentation is what the build prints, by binaries that are not shipped:
// without it these are a fiftieth smaller.
func (p *Plugin) documentation(Env, []string) error {
	return Usagef("this binary does not print its documentation: read man sockcensus-%s", p.Name)
}
