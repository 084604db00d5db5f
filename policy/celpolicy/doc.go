// Package celpolicy decides by rules that are expressions of the Common Expression
// Language (CEL, https://cel.dev), for what the declarative rules of package policy
// cannot say: "or", arithmetic, lists. Put its [Engine] into a [policy.Chain] beside
// a [policy.Set], which has the lists, the budgets, the names of policies, and what
// serves calls ([policy.Failover]).
//
// All expressions see the call. Those of rules on calls of tools see the tool and
// its arguments, too:
//
//	call.model                   string   one after the other, all that the call may run; see below
//	call.provider                string   of call.model
//	call.dialect                 string   that the agent speaks: "openai", "anthropic"
//	call.endpoint                string   "chat", "messages", …
//	call.stream                  bool
//	call.estimated_cost_usd      double   not known for a model without a price
//	call.estimated_input_tokens  int
//	call.user                    string   of the call, or else of its run
//	call.tags                    list     of strings: those of the call and those of its run
//	call.agent, call.team        string   not known without an agent
//	call.steps                   int      of the run so far; not known without a run
//	call.spend_usd               double   likewise
//	call.hour_utc                int      0 to 23
//	call.weekday                 string   in UTC: "monday", …
//	call.tools                   list     of what the request declares, each with name, type, url (string) and hosted (bool)
//
//	tool.name, tool.type         string   of the call, as the wire says them, to the letter
//	tool.server                  string   that the tool belongs to; empty if to none
//	tool.hosted                  bool     the provider has made the call itself
//	args                         dyn      the arguments: maps with strings for keys, lists, strings, numbers, bools, null
//
// A name that is not in the table, an operator that does not fit its operands, and
// an expression that is not a bool are errors of [New], with line and column. What
// is in args has no type before there are arguments; has(args.x) says whether x is
// there. Of a fact, has says whether it is known and not empty.
//
// Where a call may run several models, a rule fires if it does for one of them; to
// allow, it has to for all.
//
// # What cannot be said
//
// An expression has no value when it asks for a member or a fact that is not there,
// compares what has no order, exceeds [Config.CostLimit], or looks into arguments
// that are not one JSON text. So it is with all arguments if an object in them has
// two members of one name, or of names that differ in case only, and with those
// whose numbers lose digits: integers are held exactly up to 64 bits, numbers with a
// fraction or an exponent as doubles, below 2^53. A member that is there under
// another case only is neither there nor missing.
//
// A rule whose expression has no value fires, and says why, except to allow. Mind
// that CEL's "==" is false for values of different types: 5 is not "5".
//
// Money is in doubles, which hold it exactly enough to compare with a decimal up to
// some hundred thousand dollars. Budgets do not use them.
package celpolicy
