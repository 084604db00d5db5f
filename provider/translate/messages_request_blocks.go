package translate

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/rungate/rungate/internal/jsonscan"
)

// A block is a block of content, as far as it has been read. What its members mean
// depends on its kind; those of different kinds share a place.
type block struct {
	kind contentKind
	seen blockMembers

	blockPlace

	main      span // text, source, input
	content   span
	id        span // id, tool_use_id
	name      span // name, title
	extra     span // context, caller, is_error, transformations
	citations span
	toolset   span
	cache     span
}

// A blockPlace is where a block is.
type blockPlace struct {
	message int32 // whose content it is in; -1 is the system
	index   int32 // in the content; -1 is the content itself
	inner   int32 // in the content of the block at index; -1 is that content itself, none is that block
}

const none = -2

// at tells the place as a path: "messages.3.content.0".
func (p blockPlace) at() string {
	path := "system"
	if p.message >= 0 {
		path = fmt.Sprintf("messages.%d.content", p.message)
	}
	if p.index >= 0 {
		path += "." + strconv.Itoa(int(p.index))
	}
	if p.inner != none {
		path += ".content"
	}
	if p.inner >= 0 {
		path += "." + strconv.Itoa(int(p.inner))
	}
	return path
}

// A contentKind is what a block is to the translation, by its type.
type contentKind uint8

const (
	unknownContent contentKind = iota
	textContent
	toldContent // a text of the system's in a turn of the user
	imageContent
	documentContent
	searchContent
	useContent        // a call of a tool of the agent's
	resultContent     // of such a call
	thinkingContent   // signed or encrypted
	compactionContent // stands for what was before it
	hostedContent     // a call that Anthropic has made itself, what came of it, or a mark of its own
	uploadContent     // of a file into a container
	changeContent     // of the tools
	referenceContent  // to a tool
	browserContent    // the state of a browser
)

func kindOf(typ []byte) contentKind {
	switch string(typ) {
	case "text":
		return textContent
	case "image":
		return imageContent
	case "document":
		return documentContent
	case "search_result":
		return searchContent
	case "tool_use":
		return useContent
	case "tool_result":
		return resultContent
	case "thinking", "redacted_thinking":
		return thinkingContent
	case "compaction":
		return compactionContent
	case "server_tool_use", "mcp_tool_use", "mcp_tool_listing", "fallback":
		return hostedContent
	case "container_upload":
		return uploadContent
	case "tool_addition", "tool_removal":
		return changeContent
	case "tool_reference":
		return referenceContent
	case "browser_state":
		return browserContent
	}
	if bytes.HasSuffix(typ, []byte("_tool_result")) {
		return hostedContent
	}
	return unknownContent
}

// blockMembers are members of a block.
type blockMembers uint32

const (
	hasText blockMembers = 1 << iota
	hasSource
	hasInput
	hasContent
	hasID
	hasUseID
	hasName
	hasTitle
	hasContext
	hasCaller
	hasError
	hasTransformations
	hasCitations
	hasToolset
	hasCache
	hasOther
)

// takes are the members that a block of a kind may have. Of the kinds that are not
// here, none is looked at.
var takes = [...]blockMembers{
	textContent:     hasText | hasCitations | hasCache,
	toldContent:     0, // it comes of a text
	imageContent:    hasSource | hasTransformations | hasCache,
	documentContent: hasSource | hasTitle | hasContext | hasCitations | hasCache,
	searchContent:   hasContent | hasSource | hasTitle | hasCitations | hasCache,
	useContent:      hasID | hasName | hasInput | hasCaller | hasToolset | hasCache,
	resultContent:   hasUseID | hasContent | hasError | hasToolset | hasCache,
}

// member returns where the member of a block is kept, or nil if it is not known.
func (b *block) member(name []byte) (*span, blockMembers) {
	switch string(name) {
	case "text":
		return &b.main, hasText
	case "source":
		return &b.main, hasSource
	case "input":
		return &b.main, hasInput
	case "content":
		return &b.content, hasContent
	case "id":
		return &b.id, hasID
	case "tool_use_id":
		return &b.id, hasUseID
	case "name":
		return &b.name, hasName
	case "title":
		return &b.name, hasTitle
	case "context":
		return &b.extra, hasContext
	case "caller":
		return &b.extra, hasCaller
	case "is_error":
		return &b.extra, hasError
	case "transformations":
		return &b.extra, hasTransformations
	case "citations":
		return &b.citations, hasCitations
	case "toolset_name":
		return &b.toolset, hasToolset
	case "cache_control":
		return &b.cache, hasCache
	}
	return nil, hasOther
}

// readContent adds the blocks of a turn to list. A text is one block.
func (c *chatWriter) readContent(list []block, t chatTurn) []block {
	at := block{blockPlace: blockPlace{message: t.index, index: -1, inner: none}}
	return c.readBlocks(list, t.content, at, func(b *block, i int) { b.index = int32(i) })
}

// readInner adds the blocks of a content that is within a block.
func (c *chatWriter) readInner(list []block, content span, of *block) []block {
	at := block{blockPlace: blockPlace{message: of.message, index: of.index, inner: -1}}
	return c.readBlocks(list, content, at, func(b *block, i int) { b.inner = int32(i) })
}

func (c *chatWriter) readBlocks(list []block, content span, at block, place func(b *block, i int)) []block {
	switch {
	case c.begins(content, '"'):
		at.kind, at.main = textContent, content
		return append(list, at)
	case !c.begins(content, '['):
		c.refuse(at.at(), "a text or a list of blocks is wanted")
		return list
	}
	var s jsonscan.Scanner
	s.Reset(c.raw(content))
	s.Array(func(i int) {
		b := at
		place(&b, i)
		if c.readBlock(&s, content.from, &b) {
			list = append(list, b)
		}
	})
	if err := s.Err(); err != nil { // Parse has found it before
		c.broken(at.at(), err)
	}
	return list
}

// readBlock reads a block, whose body begins at base, and reports whether it is one to
// go on with.
func (c *chatWriter) readBlock(s *jsonscan.Scanner, base uint32, b *block) bool {
	if s.Kind() != jsonscan.Object {
		c.refuse(b.at(), "an object is wanted")
		s.Skip()
		return false
	}
	var typ span
	start := base + uint32(s.Pos())
	s.Object(func(name []byte) {
		to, which := b.member(name)
		if string(name) == "type" {
			to = &typ
		}
		from, end := s.Skip()
		v := span{base + uint32(from), base + uint32(end)}
		if from == end || c.in[v.from] == 'n' { // null
			return
		}
		if to != &typ {
			b.seen |= which
		}
		if to != nil {
			*to = v
		}
	})
	if c.err != nil || s.Err() != nil {
		return false
	}
	word := c.text(typ)
	if len(word) == 0 {
		c.refuse(b.at()+".type", "it is missing")
		return false
	}
	if b.kind = kindOf(word); b.kind == unknownContent {
		c.lacks(b.at()+".type", "messages.content", "a block of the type %.80q is not known; leave it out", word)
		return false
	}
	if int(b.kind) < len(takes) && b.seen&^takes[b.kind] != 0 {
		c.strange(span{start, base + uint32(s.Pos())}, b, string(word))
	}
	return true
}

// strange judges the members of a block that are not those of its kind, and reads it
// again without them.
func (c *chatWriter) strange(whole span, b *block, typ string) {
	o := block{kind: b.kind, blockPlace: b.blockPlace}
	var s jsonscan.Scanner
	s.Reset(c.raw(whole))
	s.Object(func(name []byte) {
		from, end := s.Skip()
		v := span{whole.from + uint32(from), whole.from + uint32(end)}
		to, which := o.member(name)
		switch {
		case from == end || c.in[v.from] == 'n' || string(name) == "type":
		case which&takes[b.kind] == 0:
			c.unknown(b.at(), "messages."+typ, name)
		default:
			*to = v
		}
	})
	*b = o
}
