package sqlerr

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Error is what an ERR packet carries.
type Error struct {
	Code    uint16 // MySQL's number
	State   string // SQLSTATE, five characters
	Message string // UTF-8, without line breaks
	cause   error  // what led here, for logs and errors.Is; may be nil
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, sqlerr.New(code)) compare codes only.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// State returns the SQLSTATE of a code, "HY000" for those without one.
func (c Code) State() string {
	if s := messages[c].state; s != "" {
		return s
	}
	return stateDefault
}

// Template returns the text of a code with its verbs, "" for unknown codes.
func (c Code) Template() string { return messages[c].template }

// New fills in MySQL's text for the code. The arguments must fit the template (see messages).
func New(code Code, args ...any) *Error {
	template, ok := messages[code]
	if !ok {
		return Newf(code, "Unknown error %d", uint16(code))
	}
	return Newf(code, template.template, args...)
}

// Newf makes an error with a text of its own.
func Newf(code Code, format string, args ...any) *Error {
	text := format
	if len(args) > 0 || strings.Contains(format, "%%") {
		text = fmt.Sprintf(format, args...)
	}
	return &Error{Code: uint16(code), State: code.State(), Message: oneLine(text)}
}

// Wrap is New with a cause, which stays visible to errors.Is and errors.As but not to the client.
func Wrap(err error, code Code, args ...any) *Error {
	e := New(code, args...)
	e.cause = err
	return e
}

// Wrapf is Newf with a cause.
func Wrapf(err error, code Code, format string, args ...any) *Error {
	e := Newf(code, format, args...)
	e.cause = err
	return e
}

// coded is implemented by the typed errors of this package.
type coded interface {
	error
	SQLError() *Error
}

// From makes an *Error of any error: itself when there is one in the chain, 1317 for a cancelled context, 3024 for a
// deadline that passed, else 1105. It returns nil for nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var c coded
	if errors.As(err, &c) {
		return c.SQLError()
	}
	switch {
	case errors.Is(err, context.Canceled):
		return Wrap(err, ErrQueryInterrupted)
	case errors.Is(err, context.DeadlineExceeded):
		return Wrap(err, ErrQueryTimeout)
	case errors.Is(err, ErrNoSurplus):
		e := Newf(ErrOutOfResources, "Out of memory; a value needs pages that are not free")
		e.cause = err
		return e
	}
	u := Newf(ErrUnknown, "%s", err.Error())
	u.cause = err
	return u
}

// Is tells if err carries that code anywhere in its chain.
func Is(err error, code Code) bool {
	if err == nil {
		return false
	}
	return errors.Is(err, &Error{Code: uint16(code)}) || From(err).Code == uint16(code)
}

// CodeOf returns the code a client would see, 0 for nil.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	return Code(From(err).Code)
}

// oneLine replaces line breaks, which error texts of the operating system or of quoted SQL may bring in.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	return strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(s)
}
