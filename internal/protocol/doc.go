// Package protocol owns MySQL's client/server protocol: packets, the handshake, answers, parameters of prepared
// statements, and rows encoded straight from vectors. It neither opens sockets nor decides anything: the server does.
//
// A Reader takes packets from a Source into a Room, which is where their bytes may lie. A Writer encodes packets into a
// net buffer and hands it to a Sink when it is full. Both share the sequence number of the connection.
//
//	packet   length uint24, sequence uint8, payload; a payload of 2^24-1 bytes or more goes on in further packets
//	lenenc   1, 3, 4 or 9 bytes for an integer; a string has its length in front
//
// # Invariants
//
//	W1 no packet makes a Reader take more bytes than were received, rounded up to the next power of two.
//	W2 a refused packet is read to its end, so the connection can go on.
//	W3 a decoder never reads beyond its payload, and fails with error 1835 or 1210 on what it does not understand.
//	W4 encoding a row allocates nothing on the heap; a row too large for the net buffer goes to a page of the session's
//	   account, or is streamed from the batch.
//	W5 a row is sent whole or, if that fails, the Writer is Broken and the connection must end.
package protocol
