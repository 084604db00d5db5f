// Package faults puts a proxy between a gateway and each of its stores that delays,
// cuts and swallows what they say to each other. It has nothing but tests: what the
// provider has counted is the judge.
//
//	go test -tags chaos ./faults -parallel 8
package faults
