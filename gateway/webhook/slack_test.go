package webhook_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/webhook"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

type slackMessage struct {
	Text   string
	Mrkdwn *bool
	Blocks []struct {
		Type   string
		Text   *slackText
		Fields []slackText
	}
}

type slackText struct {
	Type, Text string
	Emoji      *bool
	Verbatim   bool
}

// post returns what is posted about an event.
func post(t testing.TB, s *webhook.Slack, e *run.Event) (m slackMessage) {
	s.URL, s.Transport = "https://hooks.slack.com/services/T0/B0/token", transport(func(r *http.Request) (*http.Response, error) {
		assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
		require.NoError(t, json.NewDecoder(r.Body).Decode(&m))
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})
	require.NoError(t, s.Notify(t.Context(), e))
	return m
}

// lines are the texts of the blocks, with what they are.
func (m *slackMessage) lines() (all []string) {
	for _, b := range m.Blocks {
		for i := range b.Fields {
			all = append(all, b.Fields[i].Type+" "+b.Fields[i].Text)
		}
		if b.Text != nil {
			all = append(all, b.Text.Type+" "+b.Text.Text)
		}
	}
	return all
}

func TestSlackPending(t *testing.T) {
	m := post(t, &webhook.Slack{ConsoleURL: "https://rungate.example.com/console/"}, pending())
	assert.Equal(t, "Approval needed: issue_refund for support in run refund https://rungate.example.com/console/gates/gate_8xk2m", m.Text)
	assert.False(t, *m.Mrkdwn)
	assert.Equal(t, []string{
		"plain_text Approval needed",
		"plain_text Agent: support",
		"plain_text Run: refund",
		"plain_text Rule: refund:over-$500",
		"plain_text Why: It is much.",
		"plain_text Model: gpt-4",
		"plain_text Cost so far: $0.0125",
		"plain_text Channel: slack://#customer-ops",
		"plain_text Until: Sun, 26 Apr 2026 13:48:12 UTC",
		"plain_text Tool: issue_refund",
		"mrkdwn ```\n{\n  \"order\": \"ord_2H4p\",\n  \"amount_usd\": 1240.00\n}\n```",
		"mrkdwn <https://rungate.example.com/console/gates/gate_8xk2m|Open in the console>",
	}, m.lines())
}

func TestSlack(t *testing.T) {
	decided := func(e *run.Event) {
		e.Type = run.ApprovalApproved
		e.Gate.Status, e.Gate.By, e.Gate.Comment, e.Gate.Decided = run.GateApproved, "bob@example.com", "He paid <twice>.", noon.Add(time.Minute)
	}
	for _, tt := range []struct {
		name   string
		change func(e *run.Event)
		text   string
		has    []string
		hasNot []string
	}{
		{"a request", func(e *run.Event) { e.Gate.Kind, e.Gate.Proposed = run.CallGate, nil }, "Approval needed: a call of gpt-4 for support in run refund",
			[]string{"plain_text Request: POST /v1/chat/completions", "plain_text Estimated cost: $0.0125"}, []string{"plain_text Tool: ", "mrkdwn "}},
		{"a request without a model", func(e *run.Event) {
			e.Gate.Kind, e.Gate.Proposed, e.Gate.Model, e.Gate.Request = run.CallGate, nil, "", "DELETE /v1/responses/resp_1"
		}, "Approval needed: DELETE··v1·responses·resp_1 for support in run refund", []string{"plain_text Request: DELETE /v1/responses/resp_1"}, []string{"plain_text Model: "}},
		{"a request that is not known", func(e *run.Event) { e.Gate.Proposed, e.Gate.Model, e.Gate.Request = nil, "", "" },
			"Approval needed: a request for support in run refund", nil, []string{"plain_text Request: ", "plain_text Model: "}},
		{"no price", func(e *run.Event) { e.Gate.Priced = false }, "Approval needed: issue_refund for support in run refund", nil, []string{"plain_text Cost"}},
		{"approved", decided, "Approved: issue_refund for support in run refund, decided by bob·example·com",
			[]string{"plain_text By: bob@example.com", "plain_text Comment: He paid &lt;twice&gt;."}, []string{"plain_text Tool: ", "plain_text Until"}},
		{"rejected", func(e *run.Event) { decided(e); e.Type = run.ApprovalRejected }, "Rejected: issue_refund for support in run refund, decided by bob·example·com", nil, nil},
		{"expired", func(e *run.Event) { e.Type = run.ApprovalExpired }, "Approval expired: issue_refund for support in run refund",
			[]string{"plain_text Until: Sun, 26 Apr 2026 13:48:12 UTC"}, nil},
		{"the provider's tool", func(e *run.Event) { e.Gate.Proposed[0] = run.Proposal{Tool: "web_search", Hosted: true} }, "Approval needed: web_search for support in run refund",
			[]string{"plain_text Tool: web_search (run by the provider)"}, []string{"mrkdwn "}},
		{"no JSON", func(e *run.Event) { e.Gate.Proposed[0].Args = []byte("{\"a\":\n```<!channel>") }, "Approval needed: issue_refund for support in run refund",
			[]string{"mrkdwn ```\n{\"a\":\nˋˋˋ&lt;!channel&gt;\n```"}, nil},
		{"much JSON", func(e *run.Event) { e.Gate.Proposed[0].Args = []byte(`{"a":"` + strings.Repeat("x", 4000) + `"}`) }, "Approval needed: issue_refund for support in run refund",
			[]string{"mrkdwn ```\n{\"a\":\"" + strings.Repeat("x", 2494) + "… (1508 bytes more)\n```"}, nil},
		{"arguments that were cut", func(e *run.Event) { e.ArgsBytes = 100_000 }, "Approval needed: issue_refund for support in run refund",
			[]string{"plain_text Not all of the arguments are here: they have 100000 bytes."}, nil},
		{"many tools", func(e *run.Event) {
			e.Gate.Proposed = nil
			for i := range 7 {
				e.Gate.Proposed = append(e.Gate.Proposed, run.Proposal{Tool: fmt.Sprint("tool", i)})
			}
		}, "Approval needed: tool0, tool1, tool2, tool3, tool4 for support in run refund", []string{"plain_text Tool: tool4", "plain_text and 2 more"}, []string{"plain_text Tool: tool5"}},
		{"names that are markup", func(e *run.Event) {
			e.Gate.Agent, e.Gate.Rule = "<!channel>", "<https://evil.example.com|Open in the console>"
			e.Gate.Proposed[0].Tool = "[pay](https://evil.example.com) @channel"
		}, "Approval needed: ·pay··https···evil·example·com···channel for ··channel· in run refund",
			[]string{"plain_text Agent: &lt;!channel&gt;", "plain_text Rule: &lt;https://evil.example.com|Open in the console&gt;", "plain_text Tool: [pay](https://evil.example.com) @channel"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := pending()
			tt.change(e)
			m := post(t, &webhook.Slack{}, e)
			assert.Equal(t, tt.text, m.Text)
			lines := m.lines()
			for _, want := range tt.has {
				assert.Contains(t, lines, want)
			}
			for _, no := range tt.hasNot {
				for _, line := range lines {
					assert.NotContains(t, line, no)
				}
			}
		})
	}
}

// Only approvals are told.
func TestSlackWants(t *testing.T) {
	s := &webhook.Slack{URL: "https://hooks.slack.com/x", Transport: transport(func(*http.Request) (*http.Response, error) {
		t.Error("it was told")
		return nil, http.ErrAbortHandler
	})}
	for _, wanted := range []run.EventType{run.ApprovalPending, run.ApprovalApproved, run.ApprovalRejected, run.ApprovalExpired} {
		assert.True(t, s.Wants(wanted), wanted)
	}
	assert.False(t, s.Wants(run.RunStarted))
	assert.NoError(t, s.Notify(t.Context(), started()))
}

func TestSlackCheck(t *testing.T) {
	for _, tt := range []struct {
		name         string
		url          provider.Secret
		console      string
		allowPrivate bool
		want         string
	}{
		{"all is well", "https://hooks.slack.com/services/T0/B0/token", "https://rungate.example.com", false, ""},
		{"no console", "https://hooks.slack.com/services/T0/B0/token", "", false, ""},
		{"a console in the house", "https://hooks.slack.com/services/T0/B0/token", "http://localhost:8081", false, ""},
		{"a server in the house", "http://10.0.0.1/hooks/token", "", true, ""},
		{"not allowed", "https://10.0.0.1/hooks/token", "", false, "URL: 10.0.0.1 is not a public address"},
		{"no URL", "", "rungate.example.com", false, "URL: is missing\nconsole URL: \"rungate.example.com\" is not the URL of a page"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := (&webhook.Slack{URL: tt.url, ConsoleURL: tt.console, AllowPrivate: tt.allowPrivate}).Check()
			if tt.want == "" {
				assert.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "token")
		})
	}
}

func TestEscape(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		most       int
		code       bool
		want       string
	}{
		{"words", "refund of $5, please: ä 世界 🚀", 100, false, "refund of $5, please: ä 世界 🚀"},
		{"a mention", "<!channel> <@U123> <#C1>", 100, false, "&lt;!channel&gt; &lt;@U123&gt; &lt;#C1&gt;"},
		{"a link", "<https://evil.example.com|safe>", 100, false, "&lt;https://evil.example.com|safe&gt;"},
		{"what is escaped already", "&lt;!channel&gt;", 100, false, "&amp;lt;!channel&amp;gt;"},
		{"the end of a block of code", "``` *bold* ```", 100, true, "ˋˋˋ *bold* ˋˋˋ"},
		{"lines in code", "a\n\tb", 100, true, "a\n\tb"},
		{"lines elsewhere", "a\n\tb", 100, false, `a\u{a}\u{9}b`},
		{"other controls in code", "a\r\x00\x1b", 100, true, `a\u{d}\u{0}\u{1b}`},
		{"the other direction", "\u202egpj.exe", 100, false, `\u{202e}gpj.exe`},
		{"what is not seen", "pay\u200bpal", 100, false, `pay\u{200b}pal`},
		{"not UTF-8", "a\xffb", 100, false, "a\ufffdb"},
		{"long", "aaaaaaaaaa", 4, false, "aaaa… (6 bytes more)"},
		{"an entity is not cut", "aa<<", 7, false, "aa&lt;… (1 bytes more)"},
		{"nor a letter", "aaä", 3, false, "aa… (2 bytes more)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, webhook.Escape(tt.text, tt.most, tt.code))
		})
	}
}

func TestLabel(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a name", "issue_refund-2", "issue_refund-2"},
		{"a letter", "größe", "größe"},
		{"a mention", "@channel <!here>", "·channel···here·"},
		{"a link", "[x](https://evil.example.com)", "·x··https···evil·example·com·"},
		{"markup", "*a* `b` ~c~ #d", "·a···b···c···d"},
		{"not UTF-8", "a\xff", "a·"},
		{"long", strings.Repeat("a", 300), strings.Repeat("a", 100)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, webhook.Label(tt.text))
		})
	}
}

var entity = regexp.MustCompile(`&(amp|lt|gt);`)

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "<!channel>", "```", "&lt;", "\u202e", "a\nb", "\xff", strings.Repeat("<", 500)} {
		f.Add(s, true)
		f.Add(s, false)
	}
	back := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
	f.Fuzz(func(t *testing.T, s string, code bool) {
		const most = 300
		got := webhook.Escape(s, most, code)
		require.True(t, utf8.ValidString(got))
		require.LessOrEqual(t, len(got), most+40)
		require.NotContains(t, entity.ReplaceAllString(got, ""), "&")
		require.NotContains(t, got, "<")
		require.NotContains(t, got, ">")
		require.NotContains(t, got, "`")
		honest := true
		for _, r := range s {
			honest = honest && (unicode.IsPrint(r) || code && (r == '\n' || r == '\t'))
		}
		for _, r := range got {
			require.True(t, unicode.IsPrint(r) || code && (r == '\n' || r == '\t'), "%q", r)
		}
		if honest && utf8.ValidString(s) && len(s) <= most/5 && !strings.Contains(s, "`") {
			require.Equal(t, s, back.Replace(got), "nothing is lost")
		}
	})
}

// Whatever a model writes, the message is one that Slack takes, and says what we say.
func FuzzSlack(f *testing.F) {
	f.Add("issue_refund", []byte(`{"amount_usd":1240.00}`), "support", "It is much.")
	f.Add("```", []byte("```\n<!channel>\n```"), "<@U1>", "*bold*\n")
	f.Add(strings.Repeat("<", 5000), []byte(strings.Repeat("[", 5000)), strings.Repeat("\x00", 5000), strings.Repeat("ä", 5000))
	f.Add("t", []byte(strings.Repeat("[", 1000)+strings.Repeat("]", 1000)), "", "")
	f.Fuzz(func(t *testing.T, tool string, args []byte, agent, reason string) {
		e := pending()
		g := e.Gate
		g.Kind, g.Agent, g.Reason, g.Rule, g.Request, g.Model, g.Channel, g.Run.ID = run.CallGate, agent, reason, reason, tool, tool, agent, agent
		g.Proposed = make([]run.Proposal, 10)
		for i := range g.Proposed {
			g.Proposed[i] = run.Proposal{Tool: tool, Args: args}
		}
		m := post(t, &webhook.Slack{ConsoleURL: "https://rungate.example.com"}, e)
		require.False(t, *m.Mrkdwn)
		require.LessOrEqual(t, len(m.Text), 4000)
		require.NotRegexp(t, "[<>@`*~|\\[\\]]", m.Text)
		require.LessOrEqual(t, len(m.Blocks), 50)
		links := 0
		check := func(s *slackText, most int) {
			require.NotEmpty(t, s.Text)
			require.LessOrEqual(t, utf8.RuneCountInString(s.Text), most)
			if s.Type == "plain_text" {
				require.False(t, *s.Emoji)
				require.NotContains(t, s.Text, "<")
				return
			}
			require.Equal(t, "mrkdwn", s.Type)
			require.True(t, s.Verbatim)
			if s.Text == "<https://rungate.example.com/gates/gate_8xk2m|Open in the console>" {
				links++
				return
			}
			inside, ok := strings.CutPrefix(s.Text, "```\n")
			require.True(t, ok)
			inside, ok = strings.CutSuffix(inside, "\n```")
			require.True(t, ok)
			require.NotRegexp(t, "[<>`]", inside)
		}
		for _, b := range m.Blocks {
			require.LessOrEqual(t, len(b.Fields), 10)
			for i := range b.Fields {
				check(&b.Fields[i], 2000)
			}
			if b.Text != nil {
				check(b.Text, 3000)
			}
		}
		require.Equal(t, 1, links)
	})
}
