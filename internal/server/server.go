package server

import (
	"context"
	"errors"
	"net"
)

// A Server serves MySQL clients on any number of listeners. Safe for concurrent use.
type Server struct {
	opts Options
}

// New checks the options. Nothing runs yet.
func New(o Options) (*Server, error) {
	if o.Registry == nil || o.Privileges == nil {
		return nil, errors.New("server: Registry and Privileges are required")
	}
	o.ensureDefaults()
	return &Server{opts: o}, nil
}

// Serve accepts connections until Shutdown, whose result is then nil, or until the listener or ctx ends. It owns the
// listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error { return errors.ErrUnsupported }

// Shutdown stops accepting, closes idle connections, gives running statements Options.ShutdownGrace or until ctx ends,
// then cancels them, and returns when all connections are gone. It may be called repeatedly.
func (s *Server) Shutdown(ctx context.Context) error { return nil }
