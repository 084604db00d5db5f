package wire

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
)

// A definition is what an object says of the tool that it declares. It may call
// it by several names, which are then all declared, since nobody knows by which
// one a server goes.
type definition struct {
	kind  string // its type
	url   string
	model string // it runs
	where string // it runs, where the type does not say
	names [nameMembers]string
	n     int
	rules bool // it brings a grammar along
	wraps bool // the definition is in it
}

// nameMembers are the members that may hold a name, those of "function" and
// "custom" included.
const nameMembers = 10

// The members of a definition that are read.
var ofTool = []string{
	"type", "name", "tool_name", "server_label", "server_name", "mcp_server_name", "connector_id", "tunnel_id",
	"server_url", "url", "function", "custom", "definition", "tools", "allowed_tools", "environment", "execution",
	"model", "cache_control",
}

// name adds a name, unless it is there.
func (d *definition) name(s string) {
	if !slices.Contains(d.names[:d.n], s) {
		d.names[d.n] = s
		d.n++
	}
}

// define reads an object that declares a tool.
func (p *parser) define(d *definition) {
	s := &p.scan
	s.Object(func(key []byte) {
		switch string(key) {
		case "type":
			d.kind = p.label(maxName)
		case "name", "tool_name", "server_label", "server_name", "mcp_server_name", "connector_id", "tunnel_id":
			p.nameOf(d)
		case "server_url", "url":
			d.url = p.label(maxURL)
		case "custom", "function":
			d.rules = d.rules || string(key) == "custom"
			Fields(s, func(key []byte) {
				if string(key) == "name" {
					p.nameOf(d)
				} else {
					p.plain(key, ofTool)
				}
			})
		case "definition":
			if !s.Null() {
				d.wraps = true
				p.tool()
			}
		case "tools":
			p.nested()
		case "allowed_tools": // of a server they are names, or what they have to be
			Members(s, func(key []byte) {
				if string(key) == "tools" {
					p.nested()
				} else {
					p.plain(key, ofTool)
				}
			})
		case "environment":
			Members(s, func(key []byte) {
				if string(key) == "type" {
					d.where = p.label(maxName)
				} else {
					p.plain(key, ofTool)
					p.given(key)
				}
			})
		case "execution":
			d.where = p.label(maxName)
		case "model":
			d.model = p.other()
		case "cache_control":
			p.cacheControl()
		default:
			p.plain(key, ofTool)
			p.given(key)
		}
	})
}

// nested reads the tools in a definition.
func (p *parser) nested() {
	List(&p.scan, func(int) { p.tool() })
}

// nameOf reads a name of d.
func (p *parser) nameOf(d *definition) {
	if name := p.label(maxName); name != "" {
		d.name(name)
	}
}

// The lengths in bytes that a name and an address may have. They are kept in
// records.
const (
	maxName = 256
	maxURL  = 4096
)

// label reads a string of at most so many bytes; null is empty. All of a request
// share their memory.
func (p *parser) label(most int) string {
	s := &p.scan
	if s.Null() {
		return ""
	}
	b := s.Str()
	if len(b) > most {
		s.Fail("is longer than " + strconv.Itoa(most) + " bytes")
		return ""
	}
	switch string(b) {
	case "function":
		return "function"
	case "custom":
		return "custom"
	}
	if p.labels.Cap() == 0 {
		p.labels.Grow(max(len(b), min(len(p.req.Body)/16, 1024)))
	}
	from := p.labels.Len()
	p.labels.Write(b)
	return p.labels.String()[from:]
}

// plain fails for a name that is one of names but for its case, which some
// servers read as the same.
func (p *parser) plain(key []byte, names []string) { Plain(&p.scan, key, names) }

// hosted reports whether the provider runs the tool. Of a type that is not known
// it is taken to do so.
func (d *definition) hosted() bool {
	switch d.kind {
	case "", "function", "custom", "tool", "namespace", "tool_reference", "tool_definition",
		"computer_use_preview", "local_shell", "apply_patch",
		"auto", "any", "none", "required", "allowed_tools":
		return false
	case "shell":
		return d.where != "local"
	case "tool_search":
		return d.where != "client"
	}
	switch unversioned, _ := provider.ToolKind(d.kind); unversioned {
	case "bash", "text_editor", "computer", "memory", "computer_toolset", "browser_toolset":
		return false
	}
	return true
}

// builtIn reports whether the provider has more to say of the tool than the
// definition has.
func (d *definition) builtIn() bool {
	switch d.kind {
	case "", "function", "custom", "namespace", "tool_reference", "tool_definition":
		return d.rules
	}
	return true
}

// bare is the name of a tool that has a type only.
func bare(typ string) string {
	switch typ {
	case "function", "custom", "tool", "namespace", "tool_reference", "tool_definition":
		return ""
	}
	_, kind := provider.ToolKind(typ)
	return strings.TrimSuffix(strings.TrimSuffix(kind, "_toolset"), "_use")
}

// name reads a string; anything else it leaves, and returns nil.
func (p *parser) name() []byte {
	if p.scan.Kind() != jsonscan.String {
		return nil
	}
	return p.scan.Str()
}
