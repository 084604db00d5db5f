package jsonscan

// Int reads a number that is an integer and fits. How it is written does not
// matter: 1.0 and 10e-1 are 1.
func (s *Scanner) Int() int64 {
	c := s.begin()
	if kinds[c] != Number {
		s.fail(s.pos, "want an integer")
		return 0
	}
	to := s.number(s.pos)
	if to < 0 {
		return 0
	}
	n, ok := integer(s.data[s.pos:to])
	if !ok {
		s.fail(s.pos, "want an integer")
		return 0
	}
	s.pos = to
	return n
}

// number checks the number at i and returns the offset after it, or -1 after an
// error.
func (s *Scanner) number(i int) int {
	b := s.data
	if b[i] == '-' {
		i++
	}
	from := i
	if i < len(b) && b[i] == '0' {
		i++
	} else {
		i = digits(b, i)
	}
	if i > from && i < len(b) && b[i] == '.' {
		from = i + 1
		i = digits(b, from)
	}
	if i > from && i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from = i
		i = digits(b, i)
	}
	if i == from {
		return s.want(i, "a digit")
	}
	return i
}

// digits returns the offset of the first byte at or after i that is no digit.
func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' < 10 {
		i++
	}
	return i
}

// integer returns the value of a number that has been checked. It is not ok
// unless that is an integer that fits.
func integer(num []byte) (n int64, ok bool) {
	limit := uint64(1<<63 - 1)
	if num[0] == '-' {
		num, limit = num[1:], 1<<63
	}
	// The number is whole times ten to the power of exp. Zeros wait in zeros
	// until another digit follows, so that whole does not end in any: it has a
	// fraction if exp is below 0, and does not fit if whole does not.
	var whole uint64
	var exp, zeros, point int64
	for i, c := range num {
		if c == '.' {
			point = 1
			continue
		}
		if c|0x20 == 'e' {
			exp += exponent(num[i+1:])
			break
		}
		exp -= point
		zeros++
		if c == '0' {
			continue
		}
		if whole, ok = scale(whole, zeros); !ok {
			return 0, false
		}
		whole += uint64(c - '0')
		zeros = 0
	}
	if exp += zeros; whole != 0 && exp < 0 {
		return 0, false
	}
	whole, ok = scale(whole, exp)
	if !ok || whole > limit {
		return 0, false
	}
	if limit == 1<<63 {
		return -int64(whole), true
	}
	return int64(whole), true
}

// scale multiplies n by ten to the power of exp. It is not ok if the result
// would be far beyond an int64.
func scale(n uint64, exp int64) (_ uint64, ok bool) {
	for ; n != 0 && exp > 0; exp-- {
		if n > 1<<63/10 {
			return 0, false
		}
		n *= 10
	}
	return n, true
}

// exponent returns the number that b writes with or without a sign, or another
// one as much out of bounds.
func exponent(b []byte) int64 {
	negative := b[0] == '-'
	if negative || b[0] == '+' {
		b = b[1:]
	}
	var n int64
	for _, c := range b {
		if n < 1<<50 {
			n = n*10 + int64(c-'0')
		}
	}
	if negative {
		return -n
	}
	return n
}
