// Package recordings holds exchanges with the OpenAI and Anthropic APIs, most
// of them as they went over the wire, for the tests of this module. Nothing but
// tests imports it, since the exchanges would grow every program that does.
//
// README.md says where they come from and under which licences.
package recordings
