package fake_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEmbeddings(t *testing.T) {
	tests := []struct {
		name, rest string
		count      int // of vectors
		dimensions int
		tokens     float64
	}{
		{"of a text", `"input":"four bytes each"`, 1, 1536, 4},
		{"of several", `"input":["one","two"]`, 2, 1536, 2},
		{"of token ids", `"input":[1,2,3]`, 1, 1536, 3},
		{"of several arrays of them", `"input":[[1,2],[3]]`, 2, 1536, 3},
		{"of some length", `"input":"one","dimensions":8`, 1, 8, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := post(t, "/v1/embeddings", `{"model":"m",`+tt.rest+`}`)
			assert.Equal(t, answer, post(t, "/v1/embeddings", `{"model":"m",`+tt.rest+`}`))
			o := decode(t, answer)
			assert.Equal(t, "list", o["object"])
			assert.Equal(t, map[string]any{"prompt_tokens": tt.tokens, "total_tokens": tt.tokens}, o["usage"])
			require.Len(t, o["data"], tt.count)
			for i := range tt.count {
				assert.Equal(t, "embedding", o.at("data", i, "object"))
				assert.Equal(t, float64(i), o.at("data", i, "index"))
				length := 0.0
				for _, x := range o.at("data", i, "embedding").([]any) {
					length += x.(float64) * x.(float64)
				}
				assert.InDelta(t, 1, math.Sqrt(length), 1e-3)
				assert.Len(t, o.at("data", i, "embedding"), tt.dimensions)
			}
		})
	}
	t.Run("as base64", func(t *testing.T) {
		plain := decode(t, post(t, "/v1/embeddings", `{"model":"m","input":"one","dimensions":8}`)).at("data", 0, "embedding").([]any)
		coded := decode(t, post(t, "/v1/embeddings", `{"model":"m","input":"one","dimensions":8,"encoding_format":"base64"}`)).at("data", 0, "embedding").(string)
		raw, err := base64.StdEncoding.DecodeString(coded)
		require.NoError(t, err)
		vector := make([]float32, 8)
		require.NoError(t, binary.Read(bytes.NewReader(raw), binary.LittleEndian, vector))
		for i, x := range plain {
			assert.InDelta(t, x, vector[i], 1e-6)
		}
	})
}
