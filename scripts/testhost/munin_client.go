package testhost

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// MuninClient speaks the node's protocol, as munin-update does.
type MuninClient struct {
	t      testing.TB
	conn   net.Conn
	in     *bufio.Reader
	Banner string // the node's greeting
}

// Client connects to a started node. Without [MuninClient.Cap] it is a client that
// knows neither multigraph nor dirtyconfig.
func (n *MuninNode) Client() *MuninClient {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := n.ns.Dial(ctx, "tcp4", n.address())
	if err != nil {
		n.t.Fatalf("connect to munin-node: %v", err)
	}
	c := &MuninClient{t: n.t, conn: conn, in: bufio.NewReader(conn)}
	n.t.Cleanup(func() { conn.Close() })
	c.Banner = c.line()
	return c
}

// Cap offers capabilities ("multigraph", "dirtyconfig") and returns the node's.
func (c *MuninClient) Cap(offered ...string) []string {
	c.t.Helper()
	c.send("cap " + strings.Join(offered, " "))
	return strings.Fields(strings.TrimPrefix(c.line(), "cap "))
}

// List returns the links that the node serves to this client.
func (c *MuninClient) List() []string {
	c.t.Helper()
	c.send("list")
	return strings.Fields(c.line())
}

// Config returns the lines of a plugin's config.
func (c *MuninClient) Config(link string) []string {
	c.t.Helper()
	return c.ask("config " + link)
}

// Fetch returns the lines of a plugin's values.
func (c *MuninClient) Fetch(link string) []string {
	c.t.Helper()
	return c.ask("fetch " + link)
}

// Quit ends the session.
func (c *MuninClient) Quit() {
	c.t.Helper()
	c.send("quit")
	if err := c.conn.Close(); err != nil {
		c.t.Errorf("leave munin-node: %v", err)
	}
}

func (c *MuninClient) send(line string) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.conn, line); err != nil {
		c.t.Fatalf("munin-node: %q: %v", line, err)
	}
}

func (c *MuninClient) line() string {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		c.t.Fatal(err)
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatalf("munin-node's answer: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// ask sends a command whose answer ends with a line of one dot.
func (c *MuninClient) ask(command string) []string {
	c.t.Helper()
	c.send(command)
	var lines []string
	for {
		line := c.line()
		if line == "." {
			return lines
		}
		lines = append(lines, line)
	}
}
