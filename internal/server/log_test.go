package server

import "log/slog"

// quiet is for tests that provoke what is logged as an error.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
