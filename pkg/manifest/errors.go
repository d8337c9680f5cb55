package manifest

import (
	"errors"
	"fmt"
)

var (
	// ErrInvalid is wrapped by an Error for a file that is no valid manifest,
	// or that cannot be edited without changing more than was asked for.
	ErrInvalid = errors.New("invalid manifest")
	// ErrTooLarge is wrapped by an Error for a file above the size limit.
	ErrTooLarge = errors.New("manifest too large")
	// ErrImageNotFound is wrapped by an Error for a place that holds another
	// image than the one to set.
	ErrImageNotFound = errors.New("image not in manifest")
	// ErrPath is wrapped for a text that is no value path.
	ErrPath = errors.New("invalid value path")
)

// Error says what is wrong, and where. Line and Column start at 1; a column
// counts characters, not bytes. Both are 0 where the whole file is meant.
type Error struct {
	File   string
	Line   int
	Column int
	Msg    string
	// Err is the sentinel: ErrInvalid, ErrTooLarge or ErrImageNotFound.
	Err error
}

// Error has the form "file:line:column: message".
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

// Unwrap gives the sentinel.
func (e *Error) Unwrap() error { return e.Err }
