package budget

import (
	"errors"
	"fmt"
	"time"

	"github.com/rungate/rungate/provider"
)

// ErrUnpriced says that a model has no known price. What Cost returns is an
// *[UnpricedError], which matches it.
var ErrUnpriced = errors.New("no price is known")

// An UnpricedError says which model of which provider has no known price.
type UnpricedError struct{ Provider, Model string }

func (e *UnpricedError) Error() string {
	return fmt.Sprintf("no price is known for model %.100q of provider %q", e.Model, e.Provider)
}

// Is makes the error match ErrUnpriced.
func (e *UnpricedError) Is(target error) bool { return target == ErrUnpriced }

// Cost is what a call has cost that began at a time and consumed u. The model
// is the one that the answer names, or the one that was asked for if the answer
// names none or one without a price. A pass that names its own model needs that
// model's price. The error is an *[UnpricedError].
//
// Each pass has its own level of prices. Web searches are added at the price of
// the answer's model. See [Price.Served] for how the call was served, and
// [Price.Cost] for its tokens.
func (p *Prices) Cost(who Seller, asked string, u *provider.Usage, at time.Time) (Money, error) {
	price, ok := p.Lookup(who, u.Model, at)
	if !ok {
		price, ok = p.Lookup(who, asked, at)
	}
	if !ok {
		name := u.Model
		if name == "" {
			name = asked
		}
		return 0, &UnpricedError{who.Provider, name}
	}
	cost := price.WebSearches(u.WebSearches, u.PreviewSearches)
	price = price.Served(u.ServiceTier, u.InferenceGeo, u.Speed)
	if len(u.Passes) == 0 {
		return cost.Plus(price.Cost(u.Tokens)), nil
	}
	for i := range u.Passes {
		pass, of := &u.Passes[i], price
		if pass.Model != "" && pass.Model != u.Model {
			if of, ok = p.Lookup(who, pass.Model, at); !ok {
				return 0, &UnpricedError{who.Provider, pass.Model}
			}
			of = of.Served(u.ServiceTier, u.InferenceGeo, u.Speed)
		}
		cost = cost.Plus(of.pass(pass))
	}
	return cost, nil
}
