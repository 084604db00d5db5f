package wire

import (
	"strconv"

	"github.com/rungate/rungate/internal/jsonscan"
)

func (p *parser) model() {
	s := &p.scan
	s.Kind() // so that Pos is where the value begins
	from := s.Pos()
	p.req.Model = string(s.Str())
	switch {
	case p.req.Model == "":
		s.Fail("is empty")
	case len(p.req.Model) > maxName:
		p.req.Model = ""
		s.Fail("is longer than " + strconv.Itoa(maxName) + " bytes")
	}
	p.req.SetModelSpan(from, s.Pos())
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
					p.plain(key, ofFallback)
				}
			})
		} else {
			p.other()
		}
		p.at("fallbacks", i)
	})
}

var ofFallback = []string{"model"}

// others reads a list of models.
func (p *parser) others() {
	if p.scan.Kind() == jsonscan.Array {
		p.scan.Array(func(int) { p.other() })
	}
}

// other reads the name of a further model; anything else it leaves.
func (p *parser) other() (model string) {
	switch name := p.name(); {
	case len(name) > maxName:
		p.scan.Fail("a model's name is longer than " + strconv.Itoa(maxName) + " bytes")
	case len(name) > 0:
		model = string(name)
		p.req.Others = append(p.req.Others, model)
	}
	return model
}
