package translate

import (
	"errors"
	"fmt"
)

// A blockKind is what a content block of a message is to Chat.
type blockKind uint8

const (
	otherBlock blockKind = iota // left out
	textBlock
	callBlock
)

// A replyBlock is a content block, whole or as it begins.
type replyBlock struct {
	kind blockKind
	text []byte // between the quotes, as it is spelled
	toolUse
}

// readBlock reads a content block. What Chat has nothing like it notes.
func readBlock(raw []byte, notes *Notes) (k replyBlock, err error) {
	var kind []byte
	cited := false
	err = members(raw, func(name, value []byte) error {
		switch string(name) {
		case "type":
			kind = word(value)
		case "text":
			if begins(value, '"') {
				k.text = value[1 : len(value)-1]
			}
		case "citations":
			cited = begins(value, '[') && len(value) > len("[]")
		case "id":
			k.id = string(word(value))
		case "name":
			k.name = string(word(value))
		case "input":
			k.input = value
		}
		return nil
	})
	if err != nil {
		return k, err
	}
	switch string(kind) {
	case "text":
		k.kind = textBlock
		if cited {
			notes.Add("citations", "dropped")
		}
		return k, nil
	case "tool_use":
		k.kind, k.text = callBlock, nil
		return k, k.call()
	}
	noteDropped(notes, kind, "content")
	return replyBlock{}, nil
}

// call checks the call that a block is.
func (k *replyBlock) call() error {
	switch {
	case k.id == "" || k.name == "":
		return errors.New("a tool_use without an id or a name")
	case len(k.input) == 0 || string(k.input) == "null":
		k.input = []byte("{}")
	case k.input[0] != '{':
		return fmt.Errorf("the input of the tool %.80q is no object", k.name)
	}
	k.id = fitting(k.id)
	return nil
}
