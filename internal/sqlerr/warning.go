package sqlerr

// Level is the first column of SHOW WARNINGS.
type Level uint8

// The levels, as SHOW WARNINGS prints them: Note, Warning, Error.
const (
	LevelNote Level = iota
	LevelWarning
	LevelError
)

func (l Level) String() string {
	switch l {
	case LevelNote:
		return "Note"
	case LevelWarning:
		return "Warning"
	default:
		return "Error"
	}
}

// Warning is a row of SHOW WARNINGS.
type Warning struct {
	Level   Level
	Code    uint16
	Message string
}

// NewWarning fills in the text of a code at level Warning.
func NewWarning(code Code, args ...any) Warning { return New(code, args...).Warning() }

// NewNote fills in the text of a code at level Note.
func NewNote(code Code, args ...any) Warning {
	w := New(code, args...).Warning()
	w.Level = LevelNote
	return w
}

// Warning is the error taken lightly, as outside of strict mode or under IGNORE.
func (e *Error) Warning() Warning {
	return Warning{Level: LevelWarning, Code: e.Code, Message: e.Message}
}

// AsError is the row of SHOW WARNINGS that a failed statement leaves.
func (e *Error) AsError() Warning {
	return Warning{Level: LevelError, Code: e.Code, Message: e.Message}
}
