package wire

import (
	"bytes"
	"strconv"

	"github.com/rungate/rungate/internal/jsonscan"
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

// definition reads a tool and counts its bytes.
func (p *parser) definition() {
	p.scan.Kind()
	from := p.scan.Pos()
	p.tool()
	p.load.Definitions += int64(p.scan.Pos() - from)
}

// tool reads a definition of a tool, or of a namespace of tools.
func (p *parser) tool() {
	s := &p.scan
	if s.Kind() != jsonscan.Object {
		s.Skip()
		return
	}
	p.load.Tools++
	hosted := false
	s.Object(func(key []byte) {
		switch string(key) {
		case "type":
			switch string(p.name()) {
			case "", "function", "custom", "namespace", "tool_reference":
			default:
				hosted = true
			}
		case "model":
			p.other()
		case "function":
			Members(s, ignore)
		case "custom": // brings a grammar's rules along
			hosted = true
			Members(s, ignore)
		case "tools":
			if s.Kind() == jsonscan.Array {
				s.Array(func(int) { p.tool() })
			}
		case "cache_control":
			p.cacheControl()
		default:
			p.refuseModel(key)
		}
	})
	if hosted {
		p.load.Hosted++
	}
}

// ignore leaves a member to be skipped. The names of an object that is visited
// are known not to repeat.
func ignore([]byte) {}

// servers reads the servers of tools that the provider is to call.
func (p *parser) servers() {
	if p.scan.Null() {
		return
	}
	p.scan.Array(func(i int) {
		p.load.Hosted++
		p.scan.Object(ignore)
		p.at("mcp_servers", i)
	})
}

// fallbacks reads the models that the provider itself may turn to: a list, or a
// word that stands for one.
func (p *parser) fallbacks() {
	if p.scan.Kind() != jsonscan.Array {
		p.other()
		return
	}
	p.scan.Array(func(i int) {
		if p.scan.Kind() == jsonscan.Object {
			p.scan.Object(func(key []byte) {
				if string(key) == "model" {
					p.other()
				} else {
					p.refuseModel(key)
				}
			})
		} else {
			p.other()
		}
		p.at("fallbacks", i)
	})
}

// refuseModel fails for a name that is "model" but for its case, which some
// servers read as the same.
func (p *parser) refuseModel(key []byte) {
	if len(key) == len("model") && bytes.EqualFold(key, []byte("model")) {
		p.scan.Fail("the name is another one's in another case")
	}
}

// others reads a list of models.
func (p *parser) others() {
	if p.scan.Kind() == jsonscan.Array {
		p.scan.Array(func(int) { p.other() })
	}
}

// other reads the name of a further model; anything else it leaves.
func (p *parser) other() {
	model := p.name()
	switch {
	case len(model) > maxModelName:
		p.scan.Fail("a model's name is longer than " + strconv.Itoa(maxModelName) + " bytes")
	case len(model) > 0:
		p.req.Others = append(p.req.Others, string(model))
	}
}
