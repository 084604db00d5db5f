// Package object makes the JSON objects by which runs and gates are shown, to
// agents and to operators.
package object
