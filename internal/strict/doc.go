// Package strict decodes the documents that operators write, configurations and
// policies, into Go structs. It takes nothing that it does not know and reports
// everything that is wrong at once, each with the path at which it stands.
package strict
