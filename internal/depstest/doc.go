// Package depstest states what the source tree may look like: which package
// may import which, what modules are used, and that what is public is
// documented. It holds tests only.
package depstest
