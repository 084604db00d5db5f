package provider

// An Endpoint is one function of a model API. Its value is the name that
// policies use.
type Endpoint string

// The endpoints that are governed.
const (
	Chat        Endpoint = "chat"         // OpenAI Chat Completions
	Responses   Endpoint = "responses"    // OpenAI Responses; also reading and deleting a stored one
	Embeddings  Endpoint = "embeddings"   // OpenAI Embeddings
	Messages    Endpoint = "messages"     // Anthropic Messages
	CountTokens Endpoint = "count_tokens" // Anthropic Token Counting, which is free
	Models      Endpoint = "models"       // the list of models, and one of them, which are free
)

// Free reports whether calls of the endpoint cost nothing.
func (e Endpoint) Free() bool { return e == CountTokens || e == Models }
