package server

import "golang.org/x/sys/unix"

// pollHangup finds a client that has closed its side although bytes of it have not been read.
const pollHangup = unix.POLLRDHUP
