package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/rungate/rungate/budget"
)

// LogOptions say how a Log is opened. The zero LogOptions are for writing to it.
type LogOptions struct {
	// Sync has Append wait until the disk has the entry, so that none is lost when
	// the machine fails: one flush for all that are added at the same time, of some
	// hundred microseconds to some milliseconds each. Without it, what was added
	// outlives the process, and the last seconds of a machine that fails are lost.
	Sync bool

	// ReadOnly is for reading the file while another process may be writing to it.
	// What is added after it was opened is not seen.
	ReadOnly bool
}

// A Log is a Trail in a file, for one process that has no database: one line for
// each entry, see [Entry.AppendLine], added at the end by one write. It takes about
// 40 bytes of memory for each entry, by which it knows what it has already. Create
// it by OpenLog, and close it.
type Log struct {
	options LogOptions
	file    *os.File

	mu     sync.RWMutex
	size   int64 // of the file, to the end of its last line
	torn   int64 // bytes that were taken off when it was opened
	heads  map[string]*logHead
	ids    map[logID]struct{}
	line   []byte
	broken error // why nothing can be added any more

	syncing sync.Mutex
	synced  int64 // the size that the disk is known to have
}

// A logHead is the end of a team's chain in a Log.
type logHead struct {
	Entry         // without its Record
	marks []int64 // where the lines begin of its entries number 1, 1+markEvery and so on
}

// markEvery is how many entries are at most read for nothing to find one.
const markEvery = 256

// A logID stands for the ID of an entry and its team.
type logID [16]byte

func logIDOf(r *budget.Record) (id logID) {
	h := sha256.New()
	team := sha256.Sum256([]byte(r.Team))
	h.Write(team[:])
	io.WriteString(h, r.ID)
	var sum Hash
	copy(id[:], h.Sum(sum[:0]))
	return id
}

// ErrReadOnly says that a Log was opened for reading only.
var ErrReadOnly = errors.New("audit: the log was opened for reading only")

// Append implements Trail. When the file could not be written, nor be brought back
// to what it was, that holds for all further ones: the Log has to be opened anew.
func (l *Log) Append(ctx context.Context, r *budget.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.options.ReadOnly {
		return ErrReadOnly
	}
	if err := check(r); err != nil {
		return err
	}
	id := logIDOf(r)
	end, err := l.add(r, id)
	if err == nil && l.options.Sync {
		err = l.sync(end)
	}
	return err
}

// add writes an entry, if it is not there yet. It returns where the file ends then.
func (l *Log) add(r *budget.Record, id logID) (end int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return 0, l.broken
	}
	if _, ok := l.ids[id]; ok {
		return l.size, nil
	}
	e := Entry{Record: *r, Number: 1}
	head := l.heads[r.Team]
	if head != nil {
		e.Number, e.Prev = head.Number+1, head.Hash
	}
	e.Hash = e.Sum()
	l.line = e.appendLine(l.line[:0])
	if len(l.line) > MaxLine {
		return 0, fmt.Errorf("audit: the record %q has more than the %d bytes of a line", r.ID, MaxLine)
	}
	if _, err := l.file.WriteAt(l.line, l.size); err != nil {
		if undo := l.file.Truncate(l.size); undo != nil {
			l.broken = fmt.Errorf("audit: the log cannot be written: %w", errors.Join(err, undo))
		}
		return 0, fmt.Errorf("audit: entry not written: %w", err)
	}
	l.note(&e, id, int64(len(l.line)))
	if cap(l.line) > 1<<20 {
		l.line = nil
	}
	return l.size, nil
}

// note notes that an entry is at the end of the file, in a line of that size.
func (l *Log) note(e *Entry, id logID, size int64) {
	head := l.heads[e.Team]
	if head == nil {
		head = &logHead{}
		l.heads[e.Team] = head
	}
	if e.Number%markEvery == 1 {
		head.marks = append(head.marks, l.size)
	}
	head.Number, head.Prev, head.Hash = e.Number, e.Prev, e.Hash
	l.ids[id] = struct{}{}
	l.size += size
}

// sync sees that the disk has the file up to end.
func (l *Log) sync(end int64) error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.synced >= end { // by somebody who came before
		return nil
	}
	l.mu.RLock()
	size, broken := l.size, l.broken
	l.mu.RUnlock()
	if broken != nil {
		return broken
	}
	if err := l.file.Sync(); err != nil {
		// What the disk has now nobody knows, also if it succeeds another time.
		err = fmt.Errorf("audit: the log is not on the disk: %w", err)
		l.mu.Lock()
		l.broken = err
		l.mu.Unlock()
		return err
	}
	l.synced = size
	return nil
}

// Entries implements Trail.
func (l *Log) Entries(ctx context.Context, team string, after int64, n int) ([]Entry, error) {
	after = max(0, after)
	l.mu.RLock()
	size, from := l.size, int64(-1)
	if head := l.heads[team]; head != nil && after < head.Number {
		n = int(min(int64(n), head.Number-after))
		from = head.marks[after/markEvery]
	}
	l.mu.RUnlock()
	if from < 0 || n <= 0 {
		return nil, nil
	}
	var found []Entry
	lines := NewReader(io.NewSectionReader(l.file, from, size-from))
	for len(found) < n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e, err := lines.Next()
		if err != nil {
			return nil, fmt.Errorf("audit: entry %d of team %q: %w", after+1, team, err)
		}
		if e.Team == team && e.Number > after {
			e.Text = slices.Clone(e.Text)
			found = append(found, e)
		}
	}
	return found, nil
}

// Head implements Trail.
func (l *Log) Head(_ context.Context, team string) (Entry, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if head := l.heads[team]; head != nil {
		return head.Entry, nil
	}
	return Entry{}, nil
}

// Teams implements Trail.
func (l *Log) Teams(context.Context) ([]string, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	teams := make([]string, 0, len(l.heads))
	for team := range l.heads {
		teams = append(teams, team)
	}
	slices.Sort(teams)
	return teams, nil
}

// Torn returns how many bytes of a torn line were taken off when the log was opened.
func (l *Log) Torn() int64 { return l.torn }

// Close closes the file. What is added after that fails.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.broken = os.ErrClosed
	}
	return l.file.Close()
}
