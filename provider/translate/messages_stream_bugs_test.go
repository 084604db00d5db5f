package translate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider/anthropic"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/grammar"
)

// What went wrong in other gateways between an agent of OpenAI's and Claude, by
// the threads that tell of it.
func TestChatAgentsOfClaude(t *testing.T) {
	// both returns what an agent gathers of a message, whole and streamed, which is
	// the same, and the stream itself.
	both := func(t *testing.T, stream string) (whole anyObject, chunks string) {
		t.Helper()
		to := &toChat{usage: true}
		message, err := anthropic.Dialect{}.Whole(provider.Messages, []byte(stream))
		require.NoError(t, err)
		body, _, err := to.answer(message, at)
		require.NoError(t, err)
		out, err := pass(t, to.stream(at), []byte(stream))
		require.NoError(t, err)
		whole = read(t, body)
		require.Equal(t, whole, gathered(t, out))
		return whole, string(out)
	}
	message := func(o anyObject) anyObject { return o["choices"].([]any)[0].(anyObject)["message"].(anyObject) }
	finish := func(o anyObject) any { return o["choices"].([]any)[0].(anyObject)["finish_reason"] }
	arguments := func(o anyObject, k int) any {
		return message(o)["tool_calls"].([]any)[k].(anyObject)["function"].(anyObject)["arguments"]
	}
	oneCall := evs(evStart, evCall(0, "toolu_1", "weather"), evInput(0, `""`), evInput(0, `"{\"city\":"`), evInput(0, `" \"Brno\"}"`), evEnd(0), evFinish("tool_use"), evStop)
	twoCalls := evs(evStart, evThinking(0), evEnd(0), evTextBlock(1), evText(1, `"I look."`), evEnd(1),
		evCall(2, "toolu_1", "weather"), evInput(2, `"{\"city\":\"Brno\"}"`), evEnd(2),
		evCall(3, "toolu_2", "weather"), evInput(3, `"{\"city\":\"Wien\"}"`), evEnd(3), evFinish("tool_use"), evStop)
	usage := func(counts string) string {
		return strings.Replace(evs(evStart, evFinish("end_turn"), evStop), `{"input_tokens":3,"output_tokens":1}`, counts, 1)
	}
	details := func(o anyObject) anyObject { return o["usage"].(anyObject)["prompt_tokens_details"].(anyObject) }

	t.Run("parallel calls all on index 0 (any-llm #970, litellm #15307)", func(t *testing.T) {
		whole, chunks := both(t, twoCalls)
		assert.Equal(t, `{"city":"Brno"}`, arguments(whole, 0))
		assert.Equal(t, `{"city":"Wien"}`, arguments(whole, 1))
		assert.Contains(t, chunks, `{"index":0,"id":"toolu_1"`)
		assert.Contains(t, chunks, `{"index":1,"id":"toolu_2"`)
	})
	t.Run("the index of a block as that of a choice (litellm #12666)", func(t *testing.T) {
		_, chunks := both(t, twoCalls)
		assert.Equal(t, strings.Count(chunks, `"delta"`), strings.Count(chunks, `"choices":[{"index":0,"delta"`))
	})
	t.Run("further parts of a call with a type and empty arguments (bifrost #3443)", func(t *testing.T) {
		_, chunks := both(t, oneCall)
		assert.Equal(t, 1, strings.Count(chunks, `"type":"function"`))
		assert.Equal(t, 1, strings.Count(chunks, `"arguments":""`), "in the first part, and no other")
		assert.Contains(t, chunks, `{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]}`)
	})
	t.Run("the empty input of the start before the arguments (litellm #4537)", func(t *testing.T) {
		whole, _ := both(t, oneCall)
		assert.Equal(t, `{"city": "Brno"}`, arguments(whole, 0))
	})
	t.Run("the first text lost (litellm #30014)", func(t *testing.T) {
		for _, stream := range []string{
			evs(evStart, evTextBlock(0), evText(0, `"Hello"`), evText(0, `", you"`), evEnd(0), evFinish("end_turn"), evStop),
			evs(evStart, evBlock(0, `{"type":"text","text":"Hello"}`), evText(0, `", you"`), evEnd(0), evFinish("end_turn"), evStop),
		} {
			whole, _ := both(t, stream)
			assert.Equal(t, "Hello, you", message(whole)["content"])
		}
	})
	t.Run("thinking after a call (claude-code-router #1725)", func(t *testing.T) {
		whole, _ := both(t, evs(evStart, evCall(0, "a", "f"), evInput(0, `"{\"x\":1}"`), evEnd(0), evThinking(1), evDelta(1, "thinking_delta", "thinking", `"Hm."`), evEnd(1),
			evTextBlock(2), evText(2, `"Done."`), evEnd(2), evFinish("tool_use"), evStop))
		assert.Equal(t, `{"x":1}`, arguments(whole, 0))
		assert.Equal(t, "Done.", message(whole)["content"])
	})
	t.Run("arguments dropped in the stream (litellm #25836, #29491)", func(t *testing.T) {
		whole, _ := both(t, oneCall)
		assert.Equal(t, `{"city": "Brno"}`, arguments(whole, 0))
		whole, _ = both(t, evs(evStart, evBlock(0, `{"type":"tool_use","id":"a","name":"f","input":{"x":1}}`), evEnd(0), evFinish("tool_use"), evStop))
		assert.Equal(t, `{"x":1}`, arguments(whole, 0), "also if they all come at the start")
	})
	t.Run("cached tokens counted twice, or not at all (ogx #6415, askui #303)", func(t *testing.T) {
		whole, _ := both(t, usage(`{"input_tokens":3,"cache_read_input_tokens":1000,"output_tokens":1}`))
		assert.EqualValues(t, 1003, whole["usage"].(anyObject)["prompt_tokens"])
		assert.EqualValues(t, 1000, details(whole)["cached_tokens"])
	})
	t.Run("cache writes counted twice (litellm #9812)", func(t *testing.T) {
		whole, _ := both(t, usage(`{"input_tokens":3,"cache_creation_input_tokens":50,"cache_creation":{"ephemeral_5m_input_tokens":50,"ephemeral_1h_input_tokens":0},"output_tokens":1}`))
		assert.EqualValues(t, 53, whole["usage"].(anyObject)["prompt_tokens"])
		assert.EqualValues(t, 50, details(whole)["cache_write_tokens"])
	})
	t.Run("cache writes for an hour (pi #5603, daiv #1159)", func(t *testing.T) {
		whole, _ := both(t, usage(`{"input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":30},"output_tokens":1}`))
		assert.EqualValues(t, 53, whole["usage"].(anyObject)["prompt_tokens"])
		assert.EqualValues(t, 50, details(whole)["cache_write_tokens"])
	})
	t.Run("an error in a stream taken for its end (agent-os #2118, envoy #2698, portkey #741)", func(t *testing.T) {
		full := []string{evStart, evTextBlock(0), evText(0, `"Hi"`), evEnd(0), evFinish("end_turn")}
		for i := range len(full) + 1 {
			out, err := pass(t, (&toChat{usage: true}).stream(at), []byte(evs(append(full[:i:i], evError)...)))
			require.NoError(t, err)
			require.NoError(t, grammar.Chat(out))
			assert.True(t, strings.HasSuffix(string(out), "data: {\"error\":{\"message\":\"Overloaded\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n"))
			assert.NotContains(t, string(out), `"finish_reason":"`)
		}
	})
	t.Run("a refusal, a full window or a pause taken for the end of a turn (litellm #40903, laravel #881, agenc #2402)", func(t *testing.T) {
		for reason, want := range map[string]string{"refusal": "content_filter", "model_context_window_exceeded": "length", "max_tokens": "length", "a_new_one": "length"} {
			whole, _ := both(t, evs(evStart, evTextBlock(0), evText(0, `"Hi"`), evEnd(0), evFinish(reason), evStop))
			assert.Equal(t, want, finish(whole), reason)
		}
		_, err := pass(t, new(toChat).stream(at), []byte(evs(evStart, evFinish("pause_turn"), evStop)))
		require.Error(t, err)
	})
	t.Run("a call that is told as the end of a turn (bifrost #6123, #3638, #4065)", func(t *testing.T) {
		for _, reason := range []string{"tool_use", "end_turn", "stop_sequence"} {
			whole, _ := both(t, strings.Replace(twoCalls, `"stop_reason":"tool_use"`, `"stop_reason":"`+reason+`"`, 1))
			assert.Equal(t, "tool_calls", finish(whole), reason)
		}
	})
	t.Run("arguments that stall (bifrost #3511, #2786)", func(t *testing.T) {
		e := new(toChat).stream(at)
		for _, data := range []string{evStart, evCall(0, "a", "f")} {
			_, err := e.event(nil, nil, []byte(data))
			require.NoError(t, err)
		}
		for _, part := range []string{`"{\"x\""`, `": \"\\u0"`, `"0e9\"}"`} { // cut anywhere, also within an escape
			out, err := e.event(nil, nil, []byte(evInput(0, part)))
			require.NoError(t, err)
			assert.Contains(t, string(out), `{"arguments":`+part+`}`, "told at once, and as it is")
		}
	})
	t.Run("parts of a call under another one's index (bifrost #3441, #2311)", func(t *testing.T) {
		out, err := pass(t, new(toChat).stream(at), []byte(evs(evStart, evCall(0, "a", "f"), evThinking(1), evCall(2, "b", "g"),
			evInput(2, `"{\"b\":"`), evInput(0, `"{\"a\":"`), evInput(2, `"2}"`), evEnd(2), evInput(0, `"1}"`), evEnd(1), evEnd(0), evFinish("tool_use"), evStop)))
		require.NoError(t, err)
		whole := gathered(t, out)
		assert.Equal(t, `{"a":1}`, arguments(whole, 0))
		assert.Equal(t, `{"b":2}`, arguments(whole, 1))
	})
	t.Run("no role, or blocks dropped (portkey #1275, #1399, #1075)", func(t *testing.T) {
		for _, stream := range []string{oneCall, twoCalls, evs(evStart, evFinish("end_turn"), evStop)} {
			_, chunks := both(t, stream)
			first, _, _ := strings.Cut(chunks, "\n")
			assert.Contains(t, first, `"delta":{"role":"assistant",`)
		}
		whole, _ := both(t, twoCalls)
		assert.Equal(t, "I look.", message(whole)["content"])
		assert.Len(t, message(whole)["tool_calls"], 2)
	})
	t.Run("a call lost beside a text (aisix #170)", func(t *testing.T) {
		whole, _ := both(t, twoCalls)
		assert.Len(t, message(whole)["tool_calls"], 2)
		_, err := pass(t, new(toChat).stream(at), []byte(evs(evStart, evTextBlock(0), evText(0, `"I look."`), evEnd(0),
			evBlock(1, `{"type":"a_new_tool_use","id":"a"}`), evEnd(1), evFinish("tool_use"), evStop)))
		require.Error(t, err, "better no answer than one that has lost its call")
	})
	t.Run("what a call is known by changes from turn to turn (litellm #25669)", func(t *testing.T) {
		for _, id := range []string{"toolu_01", "call_1", "a:b", strings.Repeat("x", 70)} {
			stream := strings.ReplaceAll(oneCall, "toolu_1", id)
			whole, _ := both(t, stream)
			told := message(whole)["tool_calls"].([]any)[0].(anyObject)["id"].(string)
			assert.LessOrEqual(t, len(told), maxName)
			assert.Equal(t, fitting(id), told)
			assert.Equal(t, told, fitting(told), "as the agent sends it back, it is sent on")
		}
	})
	t.Run("characters cut apart, and line ends that are none (praxis #739, codex-lb #1010)", func(t *testing.T) {
		stream := evs(evStart, evTextBlock(0), evText(0, "\"K\u00f6ln \u2028 \U0001F324\""), evEnd(0), evFinish("end_turn"), evStop)
		want, err := pass(t, new(toChat).stream(at), []byte(stream))
		require.NoError(t, err)
		assert.Equal(t, "K\u00f6ln \u2028 \U0001F324", message(gathered(t, want))["content"])
		for i := 1; i < len(stream); i++ {
			got, err := pass(t, new(toChat).stream(at), []byte(stream), i, len(stream))
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		}
	})
}
