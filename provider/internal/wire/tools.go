package wire

import (
	"strconv"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
)

// tools reads a list of definitions of tools.
func (p *parser) tools(name string) {
	if p.scan.Null() {
		return
	}
	p.scan.Array(func(i int) {
		p.definition()
		if name != "" {
			p.at(name, i)
		}
	})
}

// How many tools a request may declare, and how many levels of them one in another.
const (
	maxTools  = 4096
	maxNested = 16
)

// functions reads tools as they were declared when all of them were functions.
func (p *parser) functions() {
	from := len(p.req.Tools)
	p.tools("functions")
	p.adopt(from, "function", false)
}

// definition reads a tool and counts its bytes.
func (p *parser) definition() {
	p.scan.Kind()
	from := p.scan.Pos()
	p.tool()
	p.load.Definitions += int64(p.scan.Pos() - from)
}

// tool reads a definition of a tool, or of a namespace of tools.
func (p *parser) tool() {
	p.load.Tools++
	if p.depth++; p.depth > maxNested {
		p.scan.Fail("tools are nested more than " + strconv.Itoa(maxNested) + " levels deep")
		return
	}
	from := len(p.req.Tools)
	var d definition
	p.define(&d)
	p.depth--
	if d.builtIn() {
		p.load.Hosted++
	}
	if d.hosted() {
		p.adopt(from, d.kind, true)
	}
	if d.n == 0 && !d.wraps {
		d.name(bare(d.kind))
	}
	p.declare(&d)
}

// servers reads the servers of tools that the provider is to call.
func (p *parser) servers() {
	if p.scan.Null() {
		return
	}
	p.scan.Array(func(i int) {
		p.load.Hosted++
		var d definition
		p.define(&d)
		d.kind = "mcp" // it says "url"
		if d.n == 0 {
			d.name("")
		}
		p.declare(&d)
		p.at("mcp_servers", i)
	})
}

// choice reads which tool is to be called, or which are. They are kept apart,
// since most are declared too.
func (p *parser) choice() {
	if p.scan.Kind() != jsonscan.Object {
		return // how it is chosen, in a word
	}
	load, declared := p.load, p.req.Tools // a choice is nothing to read
	p.req.Tools = p.chosen
	var d definition
	p.define(&d)
	switch d.kind {
	case "auto", "any", "none", "required", "allowed_tools":
	default:
		if name := bare(d.kind); d.n == 0 && name != "" {
			d.name(name)
		}
	}
	p.declare(&d)
	p.load, p.chosen, p.req.Tools = load, p.req.Tools, declared
}

// undeclared adds what is to be called and not declared.
func (p *parser) undeclared() {
	if len(p.chosen) == 0 {
		return
	}
	declared := make(map[string]bool, len(p.req.Tools))
	for _, t := range p.req.Tools {
		declared[t.Name] = true
	}
	for _, t := range p.chosen {
		if !declared[t.Name] {
			p.req.Tools = append(p.req.Tools, t)
		}
	}
}

// searches reads the options of a web search, by being there a tool.
func (p *parser) searches() {
	if p.scan.Null() {
		return
	}
	d := definition{kind: "web_search_options"}
	d.name("web_search")
	p.declare(&d)
}

// adopt gives the tools from the given one on, where they have no type, that of
// what they are in.
func (p *parser) adopt(from int, kind string, hosted bool) {
	for i := from; i < len(p.req.Tools); i++ {
		if t := &p.req.Tools[i]; t.Type == "" {
			t.Type, t.Hosted = kind, hosted
		}
	}
}

// declare adds a tool for each name of a definition.
func (p *parser) declare(d *definition) {
	hosted := d.hosted()
	if hosted {
		p.unbounded(d.kind)
	}
	if p.req.Tools == nil && d.n > 0 { // one that takes less than 256 bytes is rare
		p.req.Tools = make([]provider.Tool, 0, min(1+len(p.req.Body)/256, 32))
	}
	if len(p.req.Tools)+d.n > maxTools {
		p.scan.Fail("there are more than " + strconv.Itoa(maxTools) + " tools")
		return
	}
	for _, name := range d.names[:d.n] {
		p.req.Tools = append(p.req.Tools, provider.Tool{Name: name, Type: d.kind, URL: d.url, Model: d.model, Hosted: hosted})
	}
}

// unbounded notes what brings in input that is not in the body.
func (p *parser) unbounded(what string) {
	if p.req.Unbounded == "" {
		p.req.Unbounded = what
	}
}

// kept notes what brings in input, and maybe tools, that the provider keeps.
func (p *parser) kept(what string) {
	p.unbounded(what)
	p.bound(what)
	p.req.HiddenTools = true
}
