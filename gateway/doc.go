// Package gateway is the governed way to model APIs. A [Gateway] is an
// http.Handler that speaks the OpenAI and the Anthropic API: it knows the agent
// by its token, attaches each call to a run, holds the run to its policy and its
// budget, forwards the call unchanged, and records what it cost.
//
//	gw, err := gateway.New(gateway.Config{
//		Providers: []provider.Provider{&openai.Provider{APIKey: key}},
//		Agents:    agents,
//		Policy:    policies,
//	})
//	http.Handle("/v1/", gw)
//
// Package roundtrip makes it an http.RoundTripper instead, so that the gateway
// runs inside the agent's own process.
package gateway
