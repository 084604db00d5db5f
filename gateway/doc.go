// Package gateway is the governed way to model APIs. A [Gateway] is an
// http.Handler that speaks the OpenAI and the Anthropic API: it knows the agent
// by its token, attaches each call to a run, holds the run to its policy and its
// budget, forwards the call and records what it cost. The call is forwarded unchanged,
// or translated where the provider of its model speaks the other API; and to another
// target where a failover says so and the one that it asks for does not serve it.
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
