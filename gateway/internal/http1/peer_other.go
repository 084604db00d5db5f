//go:build !unix

package http1

import "net"

// canLook says that a peer cannot tell.
const canLook = false

// A peer tells whether the other end of a connection has said anything. Here, that cannot be
// found out.
type peer struct{}

func (*peer) init(net.Conn) {}

func (*peer) silence() bool { return false }
