// Package backends starts real servers for tests: Redis, a Redis Cluster,
// PostgreSQL. They listen on loopback, keep what they have in a directory of the
// test, and end with it. Where a server is not installed, the test fails and says
// what to install. The tests of this package itself need such servers, too, and are
// run with the build tag "servers".
package backends
