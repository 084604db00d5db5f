package policy

import (
	_ "embed"
	"slices"
)

//go:embed policy.schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of a [Policy], for editors and
// checkers. What it refuses, [Parse] refuses too; Parse refuses more, such as two
// budgets of the same name.
func Schema() []byte { return slices.Clone(schema) }
