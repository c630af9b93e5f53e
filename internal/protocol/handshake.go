package protocol

import (
	"encoding/binary"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// Greeting is the first packet of a connection.
type Greeting struct {
	Version      string
	ConnID       uint32
	Scramble     []byte // 20 bytes without zeros
	Capabilities Capability
	Collation    uint8
	Status       uint16
	Plugin       string
}

// Greeting writes handshake version 10.
func (w *Writer) Greeting(g *Greeting) error {
	at, err := w.begin()
	if err != nil {
		return err
	}
	b := append(w.buf, protocolVersion)
	b = append(append(b, g.Version...), 0)
	b = binary.LittleEndian.AppendUint32(b, g.ConnID)
	b = append(append(b, g.Scramble[:8]...), 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(g.Capabilities))
	b = append(b, g.Collation)
	b = binary.LittleEndian.AppendUint16(b, g.Status)
	b = binary.LittleEndian.AppendUint16(b, uint16(g.Capabilities>>16))
	b = append(b, scrambleBytes+1)
	b = append(b, make([]byte, 10)...)
	b = append(append(b, g.Scramble[8:]...), 0)
	w.buf = append(append(b, g.Plugin...), 0)
	w.end(at)
	return nil
}

// AuthSwitch asks the client to authenticate by another plugin.
func (w *Writer) AuthSwitch(plugin string, scramble []byte) error {
	at, err := w.begin()
	if err != nil {
		return err
	}
	w.buf = append(append(append(w.buf, headerEOF), plugin...), 0)
	w.buf = append(append(w.buf, scramble...), 0)
	w.end(at)
	return nil
}

// AuthMore sends data of the plugin.
func (w *Writer) AuthMore(data []byte) error {
	at, err := w.begin()
	if err != nil {
		return err
	}
	w.buf = append(append(w.buf, headerAuthMore), data...)
	w.end(at)
	return nil
}

// HandshakeResponse is a client's answer to the greeting, and what COM_CHANGE_USER brings. It owns its bytes.
type HandshakeResponse struct {
	Capabilities Capability
	MaxPacket    uint32
	Collation    uint16
	User         string
	Auth         []byte
	Database     string
	Plugin       string // "": the client named none
	Attributes   map[string]string
}

// sslRequestBytes is the length of the packet that asks for TLS: the first fields of the response alone.
const sslRequestBytes = 32

// DecodeSSLRequest tells if the packet asks for TLS before anything else.
func DecodeSSLRequest(b []byte) bool {
	return len(b) == sslRequestBytes && Capability(binary.LittleEndian.Uint32(b))&SSL != 0
}

// DecodeHandshakeResponse reads the packet. Clients of before 4.1 are refused. Error 1043.
func DecodeHandshakeResponse(b []byte, server Capability) (*HandshakeResponse, error) {
	c := newCursor(b)
	h := &HandshakeResponse{Capabilities: Capability(c.uint32()) & server, MaxPacket: c.uint32()}
	h.Collation = uint16(c.uint8())
	c.bytes(23)
	if !c.ok || h.Capabilities&Protocol41 == 0 {
		return nil, sqlerr.New(sqlerr.ErrHandshake)
	}
	h.User = string(c.textOrRest())
	switch {
	case h.Capabilities&PluginAuthLenencData != 0:
		h.Auth = clone(c.lenencBytes())
	case h.Capabilities&SecureConnection != 0:
		h.Auth = clone(c.bytes(int(c.uint8())))
	default:
		h.Auth = clone(c.textOrRest())
	}
	if h.Capabilities&ConnectWithDB != 0 && len(c.b) > 0 {
		h.Database = string(c.textOrRest())
	}
	if h.Capabilities&PluginAuth != 0 && len(c.b) > 0 {
		h.Plugin = string(c.textOrRest())
	}
	if h.Capabilities&ConnectAttrs != 0 && len(c.b) > 0 {
		h.Attributes = c.attributes()
	}
	if !c.ok {
		return nil, sqlerr.New(sqlerr.ErrHandshake)
	}
	return h, nil
}

// DecodeChangeUser reads COM_CHANGE_USER without its first byte, for a client with these capabilities. Error 1047, as
// MySQL has it.
func DecodeChangeUser(b []byte, caps Capability, collation uint16) (*HandshakeResponse, error) {
	c := newCursor(b)
	h := &HandshakeResponse{Capabilities: caps, Collation: collation, User: string(c.text())}
	if caps&SecureConnection != 0 {
		h.Auth = clone(c.bytes(int(c.uint8())))
	} else {
		h.Auth = clone(c.text())
	}
	h.Database = string(c.textOrRest())
	if len(c.b) > 0 {
		h.Collation = c.uint16()
	}
	if caps&PluginAuth != 0 && len(c.b) > 0 {
		h.Plugin = string(c.textOrRest())
	}
	if caps&ConnectAttrs != 0 && len(c.b) > 0 {
		h.Attributes = c.attributes()
	}
	if !c.ok {
		return nil, sqlerr.New(sqlerr.ErrUnknownCom)
	}
	return h, nil
}

// maxAttributes bounds the attributes kept of one client; their bytes are bounded by the packet.
const maxAttributes = 128

func (c *cursor) attributes() map[string]string {
	all := newCursor(c.lenencBytes())
	m := map[string]string{}
	for all.ok && len(all.b) > 0 && len(m) < maxAttributes {
		k, v := all.lenencBytes(), all.lenencBytes()
		if all.ok {
			m[string(k)] = string(v)
		}
	}
	c.ok = c.ok && all.ok
	return m
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }
