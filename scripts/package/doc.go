// Package packaging tests the packages that scripts/package/run makes: the same
// bytes twice, and a host that is after installation, upgrade and removal as it
// should be.
package packaging
