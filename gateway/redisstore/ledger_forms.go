package redisstore

import (
	"encoding/binary"
	"math"

	"github.com/rungate/rungate/budget"
)

// limb is how an amount is divided into two numbers that Lua holds exactly, as
// ledger_numbers.lua does it.
const limb = 10_000_000_000

func halves(n int64) (h, l float64) {
	n = max(0, n)
	return float64(n / limb), float64(n % limb)
}

// form packs numbers as struct.unpack of Lua reads them.
func form(numbers ...float64) []byte {
	text := make([]byte, 0, 8*len(numbers))
	for _, n := range numbers {
		text = binary.BigEndian.AppendUint64(text, math.Float64bits(n))
	}
	return text
}

// amounts reads n amounts of a form, and returns the rest.
func amounts(text string, n int) (all []int64, rest string, err error) {
	if len(text) < 16*n {
		return nil, text, errGarbled
	}
	all = make([]int64, n)
	for i := range all {
		h := math.Float64frombits(binary.BigEndian.Uint64([]byte(text[16*i:])))
		l := math.Float64frombits(binary.BigEndian.Uint64([]byte(text[16*i+8:])))
		all[i] = int64(h)*limb + int64(l)
	}
	return all, text[16*n:], nil
}

// balances reads the balances of the holds of a part into their places.
func balances(text string, holds []int, dst []budget.Balance) error {
	for _, i := range holds {
		all, rest, err := amounts(text, 4)
		if err != nil {
			return err
		}
		dst[i] = budget.Balance{Spent: all[0], Reserved: all[1], Peak: all[2], Before: all[3]}
		text = rest
	}
	return nil
}
