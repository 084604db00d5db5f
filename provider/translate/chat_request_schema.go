package translate

import "strconv"

// What Anthropic holds a model to in all schemas of a request together.
const (
	maxStrict   = 20 // tools
	maxOptional = 24 // properties that are not required
	maxUnions   = 16 // properties of several types
)

// strict reports whether the model can be held to the schema of a tool, and counts it
// then.
func (t *messagesWriter) strict(value []byte) bool {
	if !t.can.structured || !t.can.vendors || t.stricts == maxStrict || value == nil {
		return false
	}
	c, err := readSchema(value)
	if err != nil || c.outside != "" || c.free || len(c.edits) > 0 || !t.limits.fit(c) {
		return false
	}
	t.stricts++
	return true
}

// fit adds what a schema uses, if that is not too much.
func (n *schemaCounts) fit(c *schema) bool {
	if n.optional+c.optional > maxOptional || n.unions+c.unions > maxUnions {
		return false
	}
	n.optional += c.optional
	n.unions += c.unions
	return true
}

// answerSchema writes the schema of an answer, in which all objects are closed. What it
// allows the answer to be it allows with the original as well, unless the translation is
// lenient.
func (t *messagesWriter) answerSchema(field string, value []byte) {
	c, err := readSchema(value)
	t.misread(field, err)
	switch {
	case t.err != nil:
	case c.outside != "":
		t.refuse(field, "the other API holds no model to "+strconv.Quote(c.outside)+" in this form; leave that out")
	case len(c.narrow) > 0 && !t.to.Lenient:
		t.refuse(field, "the other API holds no model to "+strconv.Quote(c.narrow[0])+"; leave that out, or translate leniently")
	case c.free:
		t.refuse(field, "the other API takes only objects whose members are all named; name them")
	case !t.limits.fit(c):
		t.refuse(field, "the other API takes no more than 24 optional properties and 16 of several types; make it simpler")
	}
	for _, keyword := range c.narrow {
		t.note(field+"."+keyword, "dropped")
	}
	from := 0
	for _, e := range c.edits {
		t.out = append(append(t.out, value[from:e.from]...), e.text...)
		from = e.to
	}
	t.out = append(t.out, value[from:]...)
}
