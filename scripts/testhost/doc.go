// Package testhost runs the real monitoring systems for tests: munin-node and the
// Munin master, the NRPE daemon with check_nrpe, Nagios 4 and Icinga 2.
//
// Every fixture lives in a temporary directory of its own and on loopback, in the
// caller's network namespace or in one that [NewNetns] makes. Nothing below /etc or
// /var is read or written, so a host that runs these services itself is not
// disturbed. The plugins run as the users the real systems give them (nobody in
// group munin, nagios), which needs root. What a fixture starts, it stops by its
// process id when the test ends.
//
// A plugin goes through Munin like this:
//
//	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: testhost.NewNetns(t)})
//	node.Link("connections_443", testhost.Binary(t, "connections"))
//	node.Conf("[connections_443]\nenv.warning 500\n")
//	node.Start()
//	master := testhost.NewMuninMaster(t, node)
//	master.Update(3)
//	value, picture := master.Last("connections_443", "p443"), master.Graph("connections_443")
//
// and is compared with a direct run, as the same user, by [RunAs].
//
// A missing program or a missing right skips the test and says what to do; with
// CI=true in the environment it fails instead. scripts/install-test-deps installs
// all programs.
package testhost
