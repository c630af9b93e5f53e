package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"

	"github.com/spillwaydb/spillway/internal/privilege"
	"github.com/spillwaydb/spillway/internal/protocol"
	"github.com/spillwaydb/spillway/internal/session"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

const (
	// handshakePacketBytes is the largest packet before a client has authenticated.
	handshakePacketBytes = 64 << 10
	// handshakeUsualBytes is what nearly all clients stay under.
	handshakeUsualBytes = 4 << 10
	// largeHandshakes bounds how many clients may have a larger packet at once.
	largeHandshakes = 32
)

// Codes that only this package raises.
const (
	codeAccountLocked   sqlerr.Code = 3118
	codeSecureTransport sqlerr.Code = 3159
)

// handshakeRoom is where packets lie before the client has an account.
type handshakeRoom struct {
	tiny [512]byte
	more []byte
	srv  *Server
	slot bool // one of largeHandshakes is taken
}

func (r *handshakeRoom) Small(n int) []byte {
	switch {
	case n <= len(r.tiny):
		return r.tiny[:n:n]
	case n <= len(r.more):
		return r.more[:n:n]
	case n <= handshakeUsualBytes:
		r.more = make([]byte, handshakeUsualBytes)
		return r.more[:n:n]
	case n > handshakePacketBytes:
		return nil
	}
	if !r.slot {
		select {
		case r.srv.large <- struct{}{}:
			r.slot = true
		default:
			return nil
		}
	}
	r.more = make([]byte, handshakePacketBytes)
	return r.more[:n:n]
}

func (r *handshakeRoom) Chunk() []byte { return r.tiny[:] }
func (r *handshakeRoom) Append([]byte, int) error {
	return sqlerr.New(sqlerr.ErrNetPacketTooLarge)
}
func (r *handshakeRoom) Bytes() ([]byte, error) { return nil, sqlerr.New(sqlerr.ErrNetPacketTooLarge) }
func (r *handshakeRoom) Discard()               {}

func (r *handshakeRoom) release() {
	if r.slot {
		<-r.srv.large
		r.slot = false
	}
	r.more = nil
}

var _ protocol.Room = (*handshakeRoom)(nil)

// handshake is the part of a connection's life before its session.
type handshake struct {
	c    *conn
	ctx  context.Context
	room handshakeRoom
}

// run greets and authenticates the client and opens its session. An error is for the log; the client has got its own.
func (h *handshake) run() error {
	defer h.room.release()
	c := h.c
	var err error
	if c.salt, err = newScramble(); err != nil {
		return err
	}
	if c.srv.full() {
		return c.refuse(sqlerr.New(sqlerr.ErrConCount))
	}
	if err := h.greet(); err != nil {
		return err
	}
	b, err := h.answer()
	if err != nil {
		return err
	}
	if protocol.DecodeSSLRequest(b) {
		if c.srv.opts.TLS == nil {
			return c.refuse(sqlerr.New(sqlerr.ErrHandshake))
		}
		if err := c.wire.startTLS(c.srv.opts.TLS); err != nil {
			return err
		}
		if b, err = h.answer(); err != nil {
			return err
		}
	}
	response, err := protocol.DecodeHandshakeResponse(b, c.srv.capabilities())
	if err != nil {
		return c.refuse(err)
	}
	c.setCapabilities(response.Capabilities)
	return h.enter(response)
}

func (h *handshake) greet() error {
	c := h.c
	err := c.out.Greeting(&protocol.Greeting{
		Version:      c.srv.opts.Version,
		ConnID:       uint32(c.id),
		Scramble:     c.salt,
		Capabilities: c.srv.capabilities(),
		Collation:    uint8(c.srv.opts.Collation),
		Status:       protocol.StatusAutocommit,
		Plugin:       c.srv.opts.AuthPlugin,
	})
	if err != nil {
		return err
	}
	return c.out.Flush()
}

// enter authenticates the user and opens the session: for a new connection, and for COM_CHANGE_USER.
func (h *handshake) enter(r *protocol.HandshakeResponse) error {
	c := h.c
	if c.wire.tls == nil && !c.local && c.srv.opts.RequireSecureTransport() {
		return c.refuse(sqlerr.Newf(codeSecureTransport,
			"Connections using insecure transport are prohibited while --require_secure_transport=ON."))
	}
	user, err := h.authenticate(r)
	if err != nil {
		return c.refuse(err)
	}
	privileged := user.Global&privilege.NewSet(privilege.ConnectionAdmin, privilege.Super) != 0
	if !c.srv.admit(c, privileged) {
		return c.refuse(sqlerr.New(sqlerr.ErrConCount))
	}
	if r.Database != "" {
		if err := c.srv.opts.Privileges.CheckUse(user.Account, r.Database); err != nil {
			return c.refuse(err)
		}
	}
	if err := c.open(h.ctx, r, user); err != nil {
		return c.refuse(err)
	}
	if err := c.out.OK(protocol.Result{Status: c.sess.StatusFlags()}); err != nil {
		return err
	}
	return c.out.Flush()
}

// authenticate finds the client's account and checks its password. Errors of sqlerr are for the client.
func (h *handshake) authenticate(r *protocol.HandshakeResponse) (*privilege.User, error) {
	c := h.c
	user, known := c.srv.opts.Privileges.Match(r.User, c.host, c.ip)
	if !known {
		// The same exchange as for an account that exists, or one could ask for names.
		user = &privilege.User{Plugin: c.srv.opts.AuthPlugin, AuthString: "*"}
	}
	data := r.Auth
	if !h.fits(r, user.Plugin) {
		if r.Capabilities&protocol.PluginAuth == 0 {
			return nil, sqlerr.New(sqlerr.ErrNotSupportedAuthMode)
		}
		if err := c.out.AuthSwitch(user.Plugin, c.salt); err != nil {
			return nil, err
		}
		if err := c.out.Flush(); err != nil {
			return nil, err
		}
		var err error
		if data, err = h.answer(); err != nil {
			return nil, err
		}
	}
	using := "YES"
	if len(data) == 0 || len(data) == 1 && data[0] == 0 {
		using = "NO"
	}
	ok, err := c.srv.auth.check(h, user, data)
	if err != nil {
		return nil, err
	}
	denied := sqlerr.New(sqlerr.ErrAccessDenied, r.User, c.host, using)
	switch {
	case !ok || !known:
		return nil, denied
	case user.RequireTLS && c.wire.tls == nil:
		return nil, denied
	case user.Locked:
		return nil, sqlerr.Newf(codeAccountLocked,
			"Access denied for user '%s'@'%s'. Account is locked.", r.User, c.host)
	case user.Expired:
		return nil, sqlerr.New(sqlerr.ErrMustChangePasswordLogin)
	}
	return user, nil
}

// fits says if the client's first answer is for the plugin. Clients without plugins speak mysql_native_password.
func (h *handshake) fits(r *protocol.HandshakeResponse, plugin string) bool {
	if r.Capabilities&protocol.PluginAuth == 0 {
		return plugin == privilege.NativePassword
	}
	if r.Plugin == "" {
		return len(r.Auth) == 0 && plugin == h.c.srv.opts.AuthPlugin
	}
	return r.Plugin == plugin
}

// The handshake is the exchange of the authenticator.
var _ exchange = (*handshake)(nil)

func (h *handshake) more(data []byte) error {
	if err := h.c.out.AuthMore(data); err != nil {
		return err
	}
	return h.c.out.Flush()
}

func (h *handshake) answer() ([]byte, error) {
	n, err := h.c.in.Next()
	if sqlerr.Is(err, sqlerr.ErrNetPacketsOutOfOrder) {
		return nil, h.c.refuse(sqlerr.New(sqlerr.ErrHandshake))
	}
	if err != nil {
		return nil, err
	}
	if n > handshakePacketBytes {
		return nil, h.c.refuse(sqlerr.New(sqlerr.ErrNetPacketTooLarge))
	}
	b, err := h.c.in.Read(n, handshakePacketBytes, &h.room)
	if err != nil {
		return nil, h.c.refuse(err)
	}
	return b, nil
}

func (h *handshake) secure() bool             { return h.c.wire.tls != nil || h.c.local }
func (h *handshake) context() context.Context { return h.ctx }
func (h *handshake) scrambleBytes() []byte    { return h.c.salt }

// open asks the registry for a session and charges what the connection costs.
func (c *conn) open(ctx context.Context, r *protocol.HandshakeResponse, user *privilege.User) error {
	var version, cipher string
	if t := c.wire.tls; t != nil {
		state := t.ConnectionState()
		// As OpenSSL writes it: TLSv1.3.
		version = strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1)
		cipher = tls.CipherSuiteName(state.CipherSuite)
	}
	sess, err := c.srv.opts.Registry.Connect(ctx, session.ConnInfo{
		ID:          c.id,
		User:        r.User,
		Account:     user.Account.Name(),
		Host:        c.remote,
		Database:    r.Database,
		Attributes:  r.Attributes,
		Collation:   r.Collation,
		MultiStmts:  r.Capabilities&protocol.MultiStatements != 0,
		FoundRows:   r.Capabilities&protocol.FoundRows != 0,
		Interactive: r.Capabilities&protocol.Interactive != 0,
		LocalFiles:  r.Capabilities&protocol.LocalFiles != 0,
		TLS:         c.wire.tls != nil,
		TLSVersion:  version,
		TLSCipher:   cipher,
		Close:       c.kill,
	})
	if err != nil {
		return err
	}
	if err := c.adopt(sess, user.Account, r.Collation); err != nil {
		return errors.Join(err, sess.Close())
	}
	return nil
}

// splitRemote is the name and the address under which accounts know the client: loopback addresses and sockets of the
// file system are localhost.
func splitRemote(a net.Addr) (host, ip string, local bool) {
	if a.Network() == "unix" {
		return "localhost", "", true
	}
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return a.String(), "", false
	}
	ip = t.IP.String()
	if t.IP.IsLoopback() {
		return "localhost", ip, false
	}
	return ip, ip, false
}
