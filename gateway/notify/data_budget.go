package notify

import (
	"time"

	"github.com/rungate/rungate/budget"
)

// budgetData is how a budget stands, in dollars or in tokens.
type budgetData struct {
	subject
	Rule           string        `json:"rule"`
	Scope          budget.Scope  `json:"scope"`
	Owner          string        `json:"owner,omitempty"`     // whose it is, by the scope
	Threshold      float64       `json:"threshold,omitempty"` // the share of the limit that was passed
	LimitUSD       *budget.Money `json:"limit_usd,omitempty"`
	SpentUSD       *budget.Money `json:"cumulative_spend_usd,omitempty"`
	ReservedUSD    *budget.Money `json:"reserved_usd,omitempty"`
	NeededUSD      *budget.Money `json:"needed_usd,omitempty"`
	LimitTokens    *int64        `json:"limit_tokens,omitempty"`
	SpentTokens    *int64        `json:"cumulative_tokens,omitempty"`
	ReservedTokens *int64        `json:"reserved_tokens,omitempty"`
	NeededTokens   *int64        `json:"needed_tokens,omitempty"`
	Window         string        `json:"window,omitempty"`
	ResetsAt       time.Time     `json:"resets_at,omitzero"`
}

func alertData(s subject, a *budget.Alert) budgetData {
	b := &a.Budget
	d := budgetData{subject: s, Rule: b.Name, Scope: b.Per, Owner: a.Account.ID, Threshold: a.At, Window: b.Window.String()}
	if b.Unit == budget.USD {
		d.LimitUSD, d.SpentUSD = usd(b.Limit), usd(a.Spent)
	} else {
		d.LimitTokens, d.SpentTokens = &b.Limit, &a.Spent
	}
	if a.Account.Window < budget.Forever {
		d.ResetsAt = a.Account.Window.Start(a.Account.Slot + 1).UTC()
	}
	return d
}

func exhaustedData(s subject, e *budget.ExhaustedError) budgetData {
	b, bal := &e.Budget, &e.Balance
	d := budgetData{subject: s, Rule: b.Name, Scope: b.Per, Owner: e.Owner.ID, Window: b.Window.String()}
	if b.Unit == budget.USD {
		d.LimitUSD, d.SpentUSD, d.ReservedUSD, d.NeededUSD = usd(b.Limit), usd(bal.Spent), usd(bal.Reserved), usd(e.Need)
	} else {
		d.LimitTokens, d.SpentTokens, d.ReservedTokens, d.NeededTokens = &b.Limit, &bal.Spent, &bal.Reserved, &e.Need
	}
	if !e.ResetsAt.IsZero() {
		d.ResetsAt = e.ResetsAt.UTC()
	}
	return d
}

func usd(n int64) *budget.Money { return (*budget.Money)(&n) }
