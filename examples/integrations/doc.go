// Package integrations holds programs that call models through Rungate with the
// clients people use, unmodified: only the base URL and the key are Rungate's.
//
// Each folder is one client. Its quickstart is the code of the integration
// guide; its scenarios program makes one call and prints the outcome as JSON.
// The tests behind the build tag "clients" run all of them against a gateway
// over a fake of the providers on the loopback interface, and check what each
// client makes of an answer, of a refusal, and of a person's decision: how often it
// tries, what it raises, and whether its user gets to see the reason. Of the SDKs, the
// agent program has whole conversations in the course of which a provider fails and
// another vendor's serves. See README.md.
package integrations
