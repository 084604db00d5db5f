// Package roundtrip puts a gateway under an http.Client, so that any SDK that
// takes one is governed without being pointed elsewhere.
//
// [New] runs the gateway within the process:
//
//	client := &http.Client{Transport: roundtrip.New(gw)}
//	ctx = run.NewContext(ctx, run.Ref{Agent: "researcher", ID: "nightly"})
//
// [Remote] sends the same traffic to a Rungate server instead.
package roundtrip
