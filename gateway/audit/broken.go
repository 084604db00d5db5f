package audit

import "fmt"

// A Fault is what is wrong with an entry of a trail.
type Fault string

// The faults.
const (
	Changed    Fault = "changed"      // it is not what was added
	Missing    Fault = "missing"      // it is not there, and may not be the only one
	OutOfOrder Fault = "out_of_order" // it stands where another entry of the team belongs
	Doubled    Fault = "doubled"      // it is there more than once
	Unreadable Fault = "unreadable"   // its line is not one of a trail
	Torn       Fault = "torn"         // the end of its line is missing, and with it that of the file
)

// A BrokenError names the first entry that is not as it was added.
type BrokenError struct {
	Team   string
	Number int64 // 0 where it cannot be told, and no team either: then there is a Line
	Line   int64 // of the file, from 1 on; 0 where there is none, as of an entry that is missing
	Fault  Fault

	seen  int64 // number of the entry that gives it away, where it is another
	cause error
}

// Error says which entry it is, and what is wrong with it.
func (e *BrokenError) Error() string {
	which := "audit trail"
	if e.Line > 0 {
		which += fmt.Sprintf(", line %d", e.Line)
	}
	if e.Number > 0 {
		which += fmt.Sprintf(", entry %d of team %q", e.Number, e.Team)
	}
	what := ""
	switch e.Fault {
	case Changed:
		what = "it was changed"
		if e.seen > 0 {
			what = fmt.Sprintf("it was changed: entry %d does not follow on it", e.seen)
		}
	case Missing:
		what = "it is missing"
		if e.seen > 0 {
			what = fmt.Sprintf("it is missing: after the one before it comes entry %d", e.seen)
		}
	case OutOfOrder:
		what = "it is out of order"
	case Doubled:
		what = "it is there more than once"
	case Torn:
		what = "it is incomplete, and the last: the file was cut off, or its writer has died"
	case Unreadable:
		what = "it cannot be read"
	}
	if e.cause != nil {
		what += ": " + e.cause.Error()
	}
	return which + ": " + what
}

// Unwrap returns the cause, if there is one.
func (e *BrokenError) Unwrap() error { return e.cause }
