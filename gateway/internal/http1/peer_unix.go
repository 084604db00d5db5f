//go:build unix

package http1

import (
	"net"
	"syscall"
)

// canLook says that a peer can tell.
const canLook = true

// A peer tells whether the other end of a connection has said anything.
type peer struct {
	raw    syscall.RawConn // nil if that cannot be found out
	look   func(fd uintptr) bool
	silent bool
}

func (p *peer) init(nc net.Conn) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	p.raw = raw
	p.look = func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		p.silent = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	}
}

// silence reports whether the server is known neither to have sent anything that was not
// read, nor to have closed the connection.
func (p *peer) silence() bool {
	if p.raw == nil {
		return false
	}
	p.silent = false
	_ = p.raw.Read(p.look)
	return p.silent
}
