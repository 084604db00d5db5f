package fake

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
)

type embeddingsRequest struct {
	Model      string          `json:"model"`
	Input      json.RawMessage `json:"input"`
	Encoding   string          `json:"encoding_format"`
	Dimensions int             `json:"dimensions"`
}

type embeddings struct {
	Object string          `json:"object"`
	Data   []embedding     `json:"data"`
	Model  string          `json:"model"`
	Usage  embeddingsUsage `json:"usage"`
}

type embedding struct {
	Object string `json:"object"`
	Index  int    `json:"index"`
	Vector any    `json:"embedding"` // numbers, or base64 of little-endian float32s
}

type embeddingsUsage struct {
	Prompt int `json:"prompt_tokens"`
	Total  int `json:"total_tokens"`
}

// embeddings answers a request to Embeddings.
func (c *call) embeddings() {
	var q embeddingsRequest
	if !c.parse(&q, &q.Model) {
		return
	}
	inputs, used := embeddingInputs(q.Input)
	if len(inputs) == 0 {
		c.fail(missing("input"))
		return
	}
	a := embeddings{Object: "list", Model: q.Model, Usage: embeddingsUsage{used, used}}
	for i, text := range inputs {
		var v any = vector(text, q.Dimensions)
		if q.Encoding == "base64" {
			b, _ := binary.Append(nil, binary.LittleEndian, v)
			v = base64.StdEncoding.EncodeToString(b)
		}
		a.Data = append(a.Data, embedding{"embedding", i, v})
	}
	c.answer(http.StatusOK, a)
}

// embeddingInputs reads an input: a text, token ids, or an array of either.
func embeddingInputs(raw json.RawMessage) (inputs []string, used int) {
	var one string
	var ids []int
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}, tokens(one)
	}
	if json.Unmarshal(raw, &ids) == nil && len(ids) > 0 {
		return []string{string(raw)}, len(ids)
	}
	var several []json.RawMessage
	_ = json.Unmarshal(raw, &several)
	for _, r := range several {
		if in, n := embeddingInputs(r); len(in) == 1 {
			inputs, used = append(inputs, in[0]), used+n
		}
	}
	return inputs, used
}

// vector is a direction that only the text determines, of length 1.
func vector(text string, dimensions int) []float32 {
	if dimensions <= 0 || dimensions > 4096 {
		dimensions = 1536
	}
	seed := fnv.New64a()
	seed.Write([]byte(text))
	random := rand.New(rand.NewPCG(seed.Sum64(), 0))
	v, sum := make([]float32, dimensions), 0.0
	for i := range v {
		v[i] = float32(random.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}
