// Package jsonscan reads JSON strictly and in one pass, without building
// anything. A [Scanner] walks over a text in memory, value by value; what its
// caller does not look into is still checked. Whatever it accepts,
// encoding/json accepts with the same meaning. Beyond what the grammar forbids
// it refuses what JSON parsers are known to read differently: invalid UTF-8,
// nesting deeper than [MaxDepth] and, in the objects that are looked into,
// names that come twice or hold half of a surrogate pair.
//
// A [Tap] takes the values of a few members out of a JSON object that passes in
// pieces. It is not strict.
package jsonscan
