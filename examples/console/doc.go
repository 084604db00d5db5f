// Package console shows how operators get to decide gates: the pages of package
// gateway/console for people, and the API of package gateway/admin for programs.
//
// The tests behind the build tag "clients" drive the pages in a browser, by mouse
// and by keyboard, and check them with axe-core. They need Debian's package
// chromium, and ../integrations/setup.sh.
package console
