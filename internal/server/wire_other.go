//go:build !linux

package server

// pollHangup does not exist here: a closed side is found once all bytes before it have been read.
const pollHangup = 0
