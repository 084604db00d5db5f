package admin

import (
	"net/http"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// maxRaiseBytes bounds the body of a request to raise a limit.
const maxRaiseBytes = 16 << 10

// A raise says what limit one run is to have, in the field for its unit.
type raise struct {
	Rule          string        `json:"rule"`
	LimitUSD      budget.Money  `json:"limit_usd"`
	LimitTokens   int64         `json:"limit_tokens"`
	LimitDuration time.Duration `json:"limit_duration"`
	Limit         int64         `json:"limit"`
}

// raiseLimit sets a limit of a run, and answers with the run after that.
func (a *api) raiseLimit(_ *Operator, r *http.Request) (any, error) {
	var in raise
	if err := read(r, maxRaiseBytes, &in); err != nil {
		return nil, err
	}
	found, err := a.findRun(r)
	if err != nil {
		return nil, err
	}
	budgets, err := a.gw.Statement(r.Context(), &found)
	if err != nil {
		return nil, err
	}
	raised, err := in.raised(budgets)
	if err != nil {
		return nil, err
	}
	found, err = a.gw.Runs().Raise(r.Context(), found.Key, raised)
	if err != nil {
		return nil, err
	}
	if found.Status == run.Completed {
		return nil, &refusal{code: codeRunClosed, message: "the run is completed, and makes no more calls"}
	}
	return a.runObject(r.Context(), &found, nil)
}

// raised is the limit in the unit of its rule, which the run's policy may say.
func (in *raise) raised(budgets []budget.Standing) (run.Raised, error) {
	unit := in.unit(budgets)
	if unit == "" {
		return run.Raised{}, invalid("rule", "%q is neither a budget per run in the run's policy nor a limit of runs", in.Rule)
	}
	raised := run.Raised{Rule: in.Rule}
	for _, f := range []struct {
		name  string
		value int64
	}{{"limit_usd", int64(in.LimitUSD)}, {"limit_tokens", in.LimitTokens}, {"limit_duration", int64(in.LimitDuration)}, {"limit", in.Limit}} {
		switch {
		case f.name == unit && f.value <= 0:
			return run.Raised{}, invalid(f.name, "want more than 0 for the rule %q", in.Rule)
		case f.name == unit:
			raised.Limit = f.value
		case f.value != 0:
			return run.Raised{}, invalid(f.name, "the limit of the rule %q is given by %s", in.Rule, unit)
		}
	}
	return raised, nil
}

// unit names the field for the limit of the rule, empty if it has none.
func (in *raise) unit(budgets []budget.Standing) string {
	for i := range budgets {
		switch b := &budgets[i].Budget; {
		case b.Name != in.Rule || b.Per != budget.ScopeRun:
		case b.Unit == budget.USD:
			return "limit_usd"
		default:
			return "limit_tokens"
		}
	}
	switch in.Rule {
	case run.RuleMaxDuration:
		return "limit_duration"
	case run.RuleMaxSteps, run.RuleMaxDepth, run.RuleMaxChildren, run.RuleIdenticalCalls, run.RuleIdenticalToolCalls:
		return "limit"
	}
	return ""
}

// unblock lets a run that is blocked go on. It answers with the run after that.
func (a *api) unblock(_ *Operator, r *http.Request) (any, error) {
	found, err := a.findRun(r)
	if err != nil {
		return nil, err
	}
	found, err = a.gw.Runs().Lift(r.Context(), found.Key)
	if err != nil {
		return nil, err
	}
	return a.runObject(r.Context(), &found, nil)
}

// complete closes a run, unless it is blocked. It answers with the run after that.
func (a *api) complete(_ *Operator, r *http.Request) (any, error) {
	found, err := a.findRun(r)
	if err != nil {
		return nil, err
	}
	found, err = a.gw.Runs().Complete(r.Context(), found.Key, run.ReasonByOperator)
	if err != nil {
		return nil, err
	}
	return a.runObject(r.Context(), &found, nil)
}
