// Package providertest checks that a [provider.Dialect] keeps its contract. It
// is for the dialects of this module and for those of others alike:
//
//	func TestDialect(t *testing.T) {
//		providertest.Run(t, mydialect.Dialect{}, cases)
//	}
//
// The cases are exchanges of the dialect, best as they were recorded. What an
// exchange consumed only its own test can tell; Run checks that it does not
// depend on how the bytes come, nor on whether the answer is streamed or whole.
package providertest
