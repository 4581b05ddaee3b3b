package munin

// The blocks of magic markers for munin-node-configure, which reads a plugin's
// file line by line, binaries too, and where the last family wins. A plugin's
// definition names one of the two; the linker leaves the other out. The line
// ends are part of the block because strings in a binary have none between
// them.
const (
	// AutoMarkers is for plugins that munin-node-configure may link by itself
	// as it suggests: their list of suggestions is short.
	AutoMarkers = "\n #%# family=auto\n #%# capabilities=autoconf suggest\n"
	// ManualMarkers is for plugins that it only lists.
	ManualMarkers = "\n #%# family=manual\n #%# capabilities=autoconf suggest\n"
)
