// Package chaos has replicas of the server share one store while they, and the store,
// are killed again and again, and agents go on making calls. It has nothing but tests:
// what the provider has counted is the judge.
//
//	go test -tags chaos ./chaos -for 10m
package chaos
