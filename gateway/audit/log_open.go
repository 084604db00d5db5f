package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// OpenLog opens the log in the file at path, which it makes if there is none, and
// goes on with the chains in it. It reads all of the file and checks that it is
// whole, some hundred thousand entries a second; the error is a *[BrokenError] where
// it is not, and nothing is added to such a file.
//
// One whose last line is torn is one whose writer has died in the middle of it:
// nobody was told that this entry is there. What there is of it is taken off, or its
// line feed added where that is all that is missing, see [Log.Torn]. Where the file was cut off by
// somebody, that cannot be told from it: see [Head].
//
// No other process can have the file open for writing at the same time, on systems
// that have flock.
func OpenLog(path string, o LogOptions) (*Log, error) {
	flags := os.O_RDWR | os.O_CREATE
	if o.ReadOnly {
		flags = os.O_RDONLY
	}
	file, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	l := &Log{options: o, file: file, heads: map[string]*logHead{}, ids: map[logID]struct{}{}}
	if !o.ReadOnly {
		err = lock(file)
	}
	if err == nil {
		err = l.load()
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// load reads what the file has.
func (l *Log) load() error {
	v := newVerifier(&Check{})
	lines := NewReader(io.NewSectionReader(l.file, 0, 1<<62))
	for {
		e, err := lines.Next()
		if b, ok := errors.AsType[*BrokenError](err); ok {
			if b.Fault == Torn && v.broken == nil {
				return l.mend(v, &e, b.Number > 0, int64(lines.size))
			}
			v.unreadable(b)
			continue
		}
		if err == io.EOF {
			_, err := v.end()
			return err
		}
		if err != nil {
			return err
		}
		if err := v.add(&e, lines.Line()); err != nil {
			return err
		}
		if v.broken == nil {
			l.note(&e, logIDOf(&e.Record), int64(lines.size))
		}
	}
}

// mend brings the end of a file in order whose last line is torn. It may be whole
// but for its line feed.
func (l *Log) mend(v *verifier, e *Entry, whole bool, size int64) error {
	if _, err := v.end(); err != nil {
		return err
	}
	whole = whole && v.add(e, 0) == nil && v.broken == nil
	switch {
	case l.options.ReadOnly:
		return nil
	case !whole:
		l.torn = size
		return l.file.Truncate(l.size)
	}
	if _, err := l.file.WriteAt([]byte("\n"), l.size+size); err != nil {
		return err
	}
	l.note(e, logIDOf(&e.Record), size+1)
	return nil
}
