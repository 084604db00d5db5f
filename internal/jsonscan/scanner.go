package jsonscan

// MaxDepth is how many objects and arrays may be open at once.
const MaxDepth = 1000

// A Kind is what a JSON value is.
type Kind uint8

// The kinds of values. Invalid is anything that no value begins with.
const (
	Invalid Kind = iota
	Object
	Array
	String
	Number
	Bool
	Null
)

// kinds tells a value by its first byte.
var kinds = [256]Kind{
	'{': Object, '[': Array, '"': String,
	't': Bool, 'f': Bool, 'n': Null,
	'-': Number, '0': Number, '1': Number, '2': Number, '3': Number, '4': Number,
	'5': Number, '6': Number, '7': Number, '8': Number, '9': Number,
}

// A Scanner reads one JSON text, value by value, in the order of the text. It
// stands before a value at first, and before each member's or element's value
// when a visitor of [Scanner.Object] or [Scanner.Array] is called; a method
// that reads takes that one value, and reading another is an error.
//
// The first error ends the reading: from there on every method does nothing and
// returns a zero value, and no visitor is called any more. So a caller may read
// all that it needs and ask [Scanner.Err] once, after [Scanner.End]. Until then
// nothing that was read may be relied on, since the text may break further on.
//
// A Scanner is meant to live on the stack of one function. It is of no use
// before Reset, must not be copied while a visitor runs, and serves one
// goroutine.
type Scanner struct {
	data   []byte
	pos    int    // of the next unread byte
	from   int    // where the value began that was read last
	keyPos int    // where the name began of the member that is being visited
	name   []byte // of that member; nil in an array
	depth  int    // objects and arrays that are open
	due    bool   // a value is to be read at pos
	err    *Error
	names  nameStack
}

// Reset makes s read data from its beginning. The data must not change while s
// or anything that it returned is in use.
func (s *Scanner) Reset(data []byte) {
	s.data, s.pos, s.from, s.keyPos, s.name = data, 0, 0, 0, nil
	s.depth, s.due, s.err = 0, true, nil
	s.names.n = 0 // what is in names costs more to clear than to leave
}

// Err returns the first error, an [*Error], or nil.
func (s *Scanner) Err() error {
	if s.err == nil {
		return nil
	}
	return s.err
}

// Fail makes an error out of the value that is about to be read, or of the one
// that was read last if none is, for a reason of the caller's.
func (s *Scanner) Fail(reason string) {
	at := s.from
	if s.due {
		at = space(s.data, s.pos)
	}
	s.fail(at, reason)
}

// End checks that the value has been read and that nothing but white space
// follows it.
func (s *Scanner) End() {
	if s.due {
		s.fail(space(s.data, s.pos), "a value is left unread")
		return
	}
	if i := space(s.data, s.pos); s.err == nil && i < len(s.data) {
		s.want(i, "the end")
	}
}

// Kind is what the first byte of the next value says that it is. It is Invalid
// where there is no value to be read. Nothing but white space is consumed.
func (s *Scanner) Kind() Kind {
	if !s.due {
		return Invalid
	}
	s.pos = space(s.data, s.pos)
	if s.pos == len(s.data) {
		return Invalid
	}
	return kinds[s.data[s.pos]]
}

// Pos is the offset of the next unread byte. After Kind, and at the beginning
// of a visit, that is where the value begins.
func (s *Scanner) Pos() int { return s.pos }

// begin moves to the value that is to be read, takes it on, and returns its
// first byte, or 0 after an error.
func (s *Scanner) begin() byte {
	if !s.due {
		return s.none()
	}
	s.due = false
	i := s.pos
	if i == len(s.data) || s.data[i] <= ' ' {
		if i = space(s.data, i); i == len(s.data) {
			s.want(i, "a value")
			return 0
		}
	}
	s.pos, s.from = i, i
	return s.data[i]
}

// none fails because no value is to be read. It is apart from begin to keep
// that one small.
func (s *Scanner) none() byte {
	s.fail(s.pos, "no value to be read")
	return 0
}

// space returns the offset of the first byte at or after i that is not white
// space.
func space(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && whites>>b[i]&1 != 0 {
		i++
	}
	return i
}

// whites has the bits of the bytes that are white space.
const whites uint64 = 1<<' ' | 1<<'\t' | 1<<'\n' | 1<<'\r'
