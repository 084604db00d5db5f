// Package backends starts real servers for tests: Redis, a Redis Cluster,
// PostgreSQL. They listen on loopback, keep what they have in a directory of the
// test, and end with it. Where a server is not installed, the test fails and says
// what to install.
package backends
