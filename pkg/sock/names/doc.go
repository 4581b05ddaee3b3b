// Package names turns the names that people write into the numbers of the socket
// table, and numbers back into names: services, network interfaces, cgroups and,
// when it is asked for, hosts. Users are in package owner.
//
// Nothing is read before the first question, and then as far as the answer.
package names
