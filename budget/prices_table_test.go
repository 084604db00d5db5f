package budget

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/provider"
)

// Every plain price of the embedded table is what a token is charged at.
func TestTablePricesAreChargedAsTheyStand(t *testing.T) {
	gjson.ParseBytes(priceTable).ForEach(func(_, v gjson.Result) bool {
		v.Get("models").ForEach(func(_, m gjson.Result) bool {
			id := m.Get("id").Str
			pr, ok := DefaultPrices().Lookup(Seller{Provider: v.Get("id").Str, Dialect: ""}, id, autumn)
			require.True(t, ok, id)
			for key, count := range map[string]provider.Tokens{
				"input_mtok":          {Input: 1000},
				"cache_read_mtok":     {CacheRead: 1000},
				"cache_write_mtok":    {CacheWrite: 1000},
				"cache_write_1h_mtok": {CacheWrite1h: 1000},
				"input_audio_mtok":    {AudioInput: 1000},
				"output_mtok":         {Output: 1000},
				"output_audio_mtok":   {AudioOutput: 1000},
			} {
				if price := m.Get("prices").Get(key); price.Type == gjson.Number {
					million, err := ParseMoney(price.Raw)
					require.NoError(t, err)
					assert.Equal(t, million/1000, pr.Cost(count), "%s %s", id, key)
				}
			}
			return true
		})
		return true
	})
}

// one is a table with one model that has these prices.
func one(prices string) string {
	return `[{"id": "v", "models": [{"id": "m", "match": {"equals": "m"}, "prices": ` + prices + `}]}]`
}

func TestParsePricesRefuses(t *testing.T) {
	model := func(m string) string { return `[{"id": "v", "models": [` + m + `]}]` }
	for _, c := range []struct{ name, json, want string }{
		{"no JSON", `[`, "unexpected end of JSON input"},
		{"not an array", `{}`, "want an array"},
		{"nothing in it", `[]`, "no prices"},
		{"a provider without id", `[{"models": []}]`, "[0]: id is missing"},
		{"a provider twice", `[{"id": "v"}, {"id": "v"}]`, `[1].id: "v" stands twice`},
		{"a model without id", model(`{"match": {"equals": "m"}, "prices": {}}`), "[0].models[0]: id is missing"},
		{"a model without match", model(`{"id": "m", "prices": {}}`), "[0].models[0]: match is missing"},
		{"a model without prices", model(`{"id": "m", "match": {"equals": "m"}}`), "[0].models[0]: prices are missing"},
		{"a model twice", model(`{"id": "m", "match": {"equals": "m"}, "prices": {}}, {"id": "m", "match": {"equals": "m"}, "prices": {}}`),
			`[0].models[1].id: "m" stands twice`},
		{"an unknown rule", model(`{"id": "m", "match": {"like": "m"}, "prices": {}}`), "[0].models[0].match.like: a rule of this kind is not known"},
		{"a rule that matches all", model(`{"id": "m", "match": {"or": [{"starts_with": ""}]}, "prices": {}}`),
			"[0].models[0].match.or[0].starts_with: want a string that is not empty"},
		{"two rules in one", model(`{"id": "m", "match": {"equals": "a", "contains": "b"}, "prices": {}}`), "[0].models[0].match: want one member"},
		{"a broken expression", model(`{"id": "m", "match": {"regex": "("}, "prices": {}}`), "[0].models[0].match.regex: error parsing regexp"},

		{"a negative price", one(`{"input_mtok": -1}`), `[0].models[0].prices.input_mtok: amount "-1"`},
		{"a sentinel below zero", one(`{"output_mtok": {"base": 1, "tiers": [{"start": 5, "price": -1}]}}`),
			"[0].models[0].prices.output_mtok.tiers[0].price: amount"},
		{"not a number", one(`{"input_mtok": NaN}`), "invalid character 'N'"},
		{"a string", one(`{"input_mtok": "NaN"}`), "[0].models[0].prices.input_mtok: amount"},
		{"null", one(`{"input_mtok": null}`), "[0].models[0].prices.input_mtok: amount"},
		{"an exponent", one(`{"input_mtok": 1e300}`), "[0].models[0].prices.input_mtok: amount"},
		{"absurd", one(`{"input_mtok": 10000.01}`), "[0].models[0].prices.input_mtok: 10000.01 dollars for 1000000 is beyond belief"},
		{"a price that would round to nothing", one(`{"input_mtok": 0.0000001}`), "is next to nothing"},
		{"a kind we do not use", one(`{"input_image_mtok": -1}`), "[0].models[0].prices.input_image_mtok: amount"},
		{"a fee", one(`{"web_searches_kcount": -1}`), "[0].models[0].prices.web_searches_kcount: amount"},
		{"a price twice", one(`{"input_mtok": 1, "input_mtok": 2}`), `[0].models[0].prices: "input_mtok" stands twice`},

		{"a tier without start", one(`{"input_mtok": {"base": 1, "tiers": [{"price": 1}]}}`), "tiers[0]: want start and price"},
		{"a tier that starts below zero", one(`{"input_mtok": {"base": 1, "tiers": [{"start": -1, "price": 1}]}}`), "tiers[0].start: want a number of tokens"},
		{"a tier that starts in the middle", one(`{"input_mtok": {"base": 1, "tiers": [{"start": 1.5, "price": 1}]}}`), "tiers[0].start: want a number of tokens"},
		{"something new in a tier", one(`{"input_mtok": {"base": 1, "tiers": [{"start": 1, "price": 1, "end": 2}]}}`), "tiers[0].end: a member of this name is not known"},
		{"tiers out of order", one(`{"input_mtok": {"base": 1, "tiers": [{"start": 9, "price": 1}, {"start": 9, "price": 2}]}}`), "tiers: do not rise"},
		{"tiers without a base", one(`{"input_mtok": {"tiers": []}}`), "input_mtok: base is missing"},
		{"something new in a price", one(`{"input_mtok": {"base": 1, "cap": 1}}`), "input_mtok.cap: a member of this name is not known"},

		{"no date", one(`[{"constraint": {"start_date": "soon"}, "prices": {}}]`), "[0].models[0].prices[0].constraint.start_date: want a date"},
		{"no time", one(`[{"constraint": {"start_time": "8 pm", "end_time": "23:00:00Z"}, "prices": {}}]`), "constraint.start_time: want a time of day"},
		{"over midnight", one(`[{"constraint": {"start_time": "20:00:00Z", "end_time": "08:00:00Z"}, "prices": {}}]`), "start_time is not before end_time"},
		{"an unknown constraint", one(`[{"constraint": {"end_date": "2026-01-01"}, "prices": {}}]`), "constraint.end_date: a constraint of this kind is not known"},
		{"a date without prices", one(`[{"constraint": {"start_date": "2026-01-01"}}]`), "[0].models[0].prices[0]: prices are missing"},
		{"no dates at all", one(`[]`), "[0].models[0]: prices are missing"},
	} {
		p, err := ParsePrices([]byte(c.json))
		assert.ErrorContains(t, err, c.want, c.name)
		assert.Nil(t, p, c.name)
	}

	_, err := ParsePrices([]byte(one(`{"input_mtok": -1, "output_mtok": -1, "cache_read_mtok": 99999}`)))
	require.Error(t, err)
	assert.Len(t, strings.Split(err.Error(), "\n"), 3, "all at once: %v", err)
}

func TestParsePricesTakesWhatIsNew(t *testing.T) {
	_, err := ParsePrices([]byte(`[{"id": "v", "name": "V", "tiers": [], "extractors": [{}], "models": [
		{"id": "m", "match": {"and": [{"contains": "m"}, {"ends_with": "m"}]}, "deprecated": true, "context_window": 5,
		 "prices": {"input_mtok": 1, "input_smell_mtok": 3}}]}]`))
	assert.NoError(t, err)
}

func TestTablePricesAreRoundedToThePicodollar(t *testing.T) {
	p, err := ParsePrices([]byte(one(`{"input_mtok": 0.08333333333333334, "output_mtok": 0.0000015}`)))
	require.NoError(t, err)
	pr, _ := p.Lookup(Seller{Provider: "v", Dialect: ""}, "m", autumn)
	assert.Equal(t, Money(83333), pr.Estimate(1, 0))
	assert.Equal(t, Money(2), pr.Estimate(0, 1))
}

func TestPricesThatHoldForAWhile(t *testing.T) {
	at := func(prices, at string) string {
		p, err := ParsePrices([]byte(one(prices)))
		require.NoError(t, err)
		pr, ok := p.Lookup(Seller{Provider: "v", Dialect: ""}, "m", day(at))
		require.True(t, ok)
		return pr.Estimate(1e6, 0).String()
	}
	dates := `[{"prices": {"input_mtok": 1}},
		{"constraint": {"start_date": "2026-02-01"}, "prices": {"input_mtok": 2}},
		{"constraint": {"start_date": "2026-03-01"}, "prices": {"input_mtok": 3}}]`
	assert.Equal(t, "1.00", at(dates, "2026-01-31T23:59:59Z"))
	assert.Equal(t, "2.00", at(dates, "2026-02-01T00:00:00Z"))
	assert.Equal(t, "3.00", at(dates, "2027-01-01T00:00:00Z"))

	hours := `[{"prices": {"input_mtok": 1}},
		{"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": 2}}]`
	assert.Equal(t, "1.00", at(hours, "2026-01-31T00:29:59Z"))
	assert.Equal(t, "2.00", at(hours, "2026-01-31T00:30:00Z"))
	assert.Equal(t, "2.00", at(hours, "1969-12-31T16:29:59Z"))
	assert.Equal(t, "1.00", at(hours, "2026-01-31T16:30:00Z"))
	assert.Equal(t, "2.00", at(hours, "2026-01-31T19:00:00+05:00"))

	future := `[{"constraint": {"start_date": "2030-01-01"}, "prices": {"input_mtok": 1}}]`
	assert.Equal(t, "1.00", at(future, "2026-01-01T00:00:00Z"), "if none holds, the first")
}

func TestTiersOfDifferentStarts(t *testing.T) {
	p, err := ParsePrices([]byte(one(`{
		"input_mtok":  {"base": 1, "tiers": [{"start": 100, "price": 2}, {"start": 300, "price": 4}]},
		"output_mtok": {"base": 10, "tiers": [{"start": 200, "price": 20}]}}`)))
	require.NoError(t, err)
	pr, _ := p.Lookup(Seller{Provider: "v", Dialect: ""}, "m", autumn)
	for input, want := range map[int64]Money{
		0: 10e6, 100: 100e6 + 10e6, 101: 101*2e6 + 10e6, 200: 200*2e6 + 10e6, 201: 201*2e6 + 20e6, 300: 300*2e6 + 20e6, 301: 301*4e6 + 20e6,
	} {
		assert.Equal(t, want, pr.Estimate(input, 1), "%d", input)
	}
}

func FuzzParsePrices(f *testing.F) {
	f.Add([]byte(sells))
	f.Add([]byte(one(`[{"constraint": {"start_date": "2026-02-01"}, "prices": {"input_mtok": {"base": 1, "tiers": [{"start": 5, "price": 2}]}}}]`)))
	f.Add([]byte(`[{"id": "v", "models": [{"id": "m", "match": {"and": [{"regex": "^m"}, {"or": [{"contains": "m"}]}]}, "prices": {}}]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePrices(data)
		if err != nil {
			return
		}
		for id, v := range p.vendors {
			for i := range v.entries {
				pr, ok := p.Lookup(Seller{Provider: id, Dialect: ""}, v.entries[i].id, autumn)
				require.Equal(t, len(v.entries[i].id) <= maxName, ok)
				require.GreaterOrEqual(t, pr.Dearest(math.MaxInt64, "", "", "").Estimate(math.MaxInt64, math.MaxInt64), pr.Estimate(math.MaxInt64, math.MaxInt64))
			}
		}
	})
}
