package wire

// A Load is what a request gives its model to read. It is counted in bytes,
// which a dialect turns into tokens.
type Load struct {
	Text        int64 // bytes of text, and of JSON that is read as text
	Definitions int64 // bytes of the definitions of tools and of answer formats
	Counted     int64 // tokens, where they can be told without the text: framing, token arrays, documents, audio
	Images      int64
	Pictures    int64 // bytes of the images that are in the body
	Tools       int64 // tools that the request defines
	Formats     int64 // formats that the answer is bound to
	Cited       int64 // documents that are to be cited from
	Hosted      int64 // tools and servers of tools that it only names, since the provider defines them
}

// The price of things in tokens.
const (
	// perMessage stands for the role, the turn's marks and what a message needs
	// besides its text: OpenAI's cookbook counts 3 to 4.
	perMessage = 8

	// A page of a PDF is read as its text and as an image of it: 1,500 to 3,000
	// tokens for the text alone, says Anthropic, which takes 100 pages in most
	// models. Four bytes of base64 a token is what a page of dense text comes to.
	perPage       = 3_000
	bytesPerToken = 4
	maxPages      = 100
	unknownPages  = 10  // of a document that is not in the body
	audioPerToken = 256 // bytes of base64: 10 tokens a second (OpenAI) at 16 kbit/s, which is little
)

// TextTokens estimates the tokens of everything but images and tools, rather too
// high: a token for three bytes of text, percent times that, and what is counted.
func (l Load) TextTokens(percent int64) int64 {
	return ((Tokens(l.Text)+Tokens(l.Definitions))*percent+99)/100 + l.Counted
}

// MaxTokens is what a body of so many bytes can come to at most, in tokens, but
// for images, tools and formats: one for each byte, since no escape is shorter
// than what it stands for, and what is counted.
func (l Load) MaxTokens(body int) int64 { return int64(body) - l.Pictures + l.Counted }

// ClaudePercent is how many tokens Claude makes of a text for 100 of o200k.
const ClaudePercent = 135

// Tokens estimates the tokens in so many bytes of text: one for three, rounded
// up. No text has more of them in the encoding o200k; only base64 has.
func Tokens(bytes int64) int64 { return (bytes + 2) / 3 }

// document estimates a document of which the body holds so many bytes in base64.
func document(base64 int64) int64 {
	if base64 == 0 {
		return unknownPages * perPage
	}
	return min(max(base64/bytesPerToken, perPage), maxPages*perPage)
}

// audio estimates a recording of which the body holds so many bytes in base64.
func audio(base64 int64) int64 {
	return base64/audioPerToken + 1
}
