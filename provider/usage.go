package provider

// Tokens counts tokens by how they are billed. No token is in two of the
// fields, except that Reasoning is a part of Output.
type Tokens struct {
	Input        int64 // text and images, neither read from a cache nor written to one
	CacheRead    int64 // read from a prompt cache
	CacheWrite   int64 // written to a prompt cache for five minutes, or for its only lifetime
	CacheWrite1h int64 // written to a prompt cache for an hour
	AudioInput   int64
	Output       int64 // text and reasoning, over all choices
	AudioOutput  int64
	Reasoning    int64 // the part of Output that is thinking
}

// TotalInput is all input, cached or not: what a price tier is chosen by.
func (t Tokens) TotalInput() int64 {
	return t.Input + t.CacheRead + t.CacheWrite + t.CacheWrite1h + t.AudioInput
}

// TotalOutput is all output.
func (t Tokens) TotalOutput() int64 { return t.Output + t.AudioOutput }

// Total is what token limits count.
func (t Tokens) Total() int64 { return t.TotalInput() + t.TotalOutput() }

// Plus returns the sum of t and o.
func (t Tokens) Plus(o Tokens) Tokens {
	return Tokens{
		Input:        t.Input + o.Input,
		CacheRead:    t.CacheRead + o.CacheRead,
		CacheWrite:   t.CacheWrite + o.CacheWrite,
		CacheWrite1h: t.CacheWrite1h + o.CacheWrite1h,
		AudioInput:   t.AudioInput + o.AudioInput,
		Output:       t.Output + o.Output,
		AudioOutput:  t.AudioOutput + o.AudioOutput,
		Reasoning:    t.Reasoning + o.Reasoning,
	}
}

// A Pass is one of several samplings that were billed for one call.
type Pass struct {
	Model string // empty is the answer's model
	Tokens

	// The parts of Input and Output that are images, which may have a price of their
	// own. They are 0 where the provider does not bill them apart.
	ImageInput, ImageOutput int64
}

// Usage is what one call consumed.
type Usage struct {
	Model string // as the answer names it; empty if it does not

	// Tokens is everything that was consumed, the sum of Passes where there are any.
	Tokens

	// Passes are the samplings of which the call consisted, where the provider
	// bills them one by one. Nil means that Tokens were one sampling of Model.
	Passes []Pass

	WebSearches     int64 // billed by the search
	PreviewSearches int64 // the part of WebSearches that a preview tool has made, which may cost more

	// What the answer says that it was served by, which moves the price. Empty
	// is the ordinary.
	ServiceTier  string // "flex", "priority", "batch", …
	InferenceGeo string // "us"
	Speed        string // "fast"

	// Estimated says that the provider did not report all of this.
	Estimated bool
}
