package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// holder is a process that keeps a share of the sockets open.
type holder struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
}

// holdCommand makes this program a holder: hold INDEX CONNECTIONS MATCHING HALFCLOSED.
const holdCommand = "hold"

// openSockets starts the holders of the population in the calling thread's
// namespace and waits until every socket is open.
func openSockets(p population) ([]*holder, error) {
	var holders []*holder
	for i := range p.holders {
		h, err := startHolder(i, p.share(i))
		if err != nil {
			closeSockets(holders)
			return nil, err
		}
		holders = append(holders, h)
	}
	for _, h := range holders {
		if h.lines.Scan() && h.lines.Text() == "ready" {
			continue
		}
		closeSockets(holders)
		return nil, fmt.Errorf("opening the connections failed: %s", h.lines.Text())
	}
	return holders, nil
}

func startHolder(i int, p population) (*holder, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, holdCommand, strconv.Itoa(i),
		strconv.Itoa(p.connections), strconv.Itoa(p.matching), strconv.Itoa(p.halfClosed))
	// The holder must end with this program, and not by a ^C before the rest does.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a holder of connections: %w", err)
	}
	return &holder{cmd, stdin, bufio.NewScanner(stdout)}, nil
}

// closeSockets ends the holders and waits until the kernel has closed their sockets.
func closeSockets(holders []*holder) {
	for _, h := range holders {
		h.stdin.Close()
	}
	for _, h := range holders {
		kill := time.AfterFunc(time.Minute, func() { h.cmd.Process.Kill() })
		h.cmd.Wait()
		kill.Stop()
	}
}

// hold is the holder's side: it opens its share, says so, and keeps it until its
// standard input ends.
func hold(args []string) int {
	var n [4]int
	if len(args) != len(n) {
		fmt.Printf("hold takes %d numbers\n", len(n))
		return 1
	}
	for i, word := range args {
		var err error
		if n[i], err = strconv.Atoi(word); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	if err := open(n[0], population{n[1], n[2], n[3], 1}); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	return 0
}
