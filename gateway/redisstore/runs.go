package redisstore

import (
	"time"

	"github.com/rungate/rungate/run"
)

func packPolicy(p *run.PolicyRef) string { return list(p.ID, p.Name, p.Revision) }

func readPolicy(text string) (p run.PolicyRef, err error) {
	r := read(text)
	p = run.PolicyRef{ID: r.text(), Name: r.text(), Revision: r.text()}
	return p, r.err
}

func packBlock(b *run.Block) string { return list(b.Code, b.Rule, b.Message, string(b.Context)) }

// decodeRun reads a run of a team as wire in run.lua writes it.
func decodeRun(team, text string, x *run.Run) error {
	r := read(text)
	*x = run.Run{Key: run.Key{Team: team, ID: r.text()}, Status: run.Status(r.text()), Reason: r.text(), Closed: r.time()}
	if block := read(r.text()); block.more() {
		x.Block = &run.Block{Code: block.text(), Rule: block.text(), Message: block.text()}
		if context := block.text(); context != "" {
			x.Block.Context = []byte(context)
		}
		if block.err != nil {
			return block.err
		}
	}
	x.Created, x.LastCall = r.time(), r.time()
	x.Steps = r.int()
	sums, t := read(r.text()), &x.Tokens
	for _, n := range [...]*int64{(*int64)(&x.Spent), &t.Input, &t.CacheRead, &t.CacheWrite, &t.CacheWrite1h, &t.AudioInput, &t.Output, &t.AudioOutput, &t.Reasoning} {
		if !sums.more() {
			break // there was no step yet
		}
		*n = sums.int()
	}
	x.Children, x.Gated, x.InFlight = r.int(), r.text() == "1", r.int()
	x.Limits = run.Limits{MaxDuration: time.Duration(r.int()), MaxSteps: r.int(), MaxDepth: r.int(), MaxChildren: r.int()}
	raised, ancestors := read(r.text()), read(r.text())
	for raised.more() {
		x.Raised = append(x.Raised, run.Raised{Rule: raised.text(), Limit: raised.int()})
	}
	for ancestors.more() {
		a := run.Ancestor{ID: ancestors.text()}
		a.Policy, ancestors.err = readPolicy(ancestors.text())
		ancestors.text() // when it was started
		x.Ancestors = append(x.Ancestors, a)
	}
	x.Agent = r.text()
	policy := r.text()
	x.IdleTimeout = time.Duration(r.int())
	rest := read(r.text())
	x.User = rest.text()
	for rest.more() {
		x.Tags = append(x.Tags, rest.text())
	}
	var err error
	x.Policy, err = readPolicy(policy)
	for _, e := range [...]error{r.err, sums.err, raised.err, ancestors.err, rest.err} {
		if e != nil {
			err = e
		}
	}
	return err
}

// start is what a new run begins with, as attach.lua reads it.
func start(args []any, r *run.Run) []any {
	return append(args, r.Agent, packPolicy(&r.Policy), decimal(r.IdleTimeout), decimal(r.Limits.MaxDuration), decimal(r.Limits.MaxSteps),
		decimal(r.Limits.MaxDepth), decimal(r.Limits.MaxChildren), list(append([]string{r.User}, r.Tags...)...))
}
