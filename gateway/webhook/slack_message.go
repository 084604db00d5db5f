package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/rungate/rungate/run"
)

// How much is shown, in bytes as they are sent. A text of Slack's may have 3,000,
// and a field 2,000.
const (
	maxArgs  = 2500 // of one call of a tool
	maxWords = 300  // of anything else
	maxLabel = 100  // of a name in the line for notifications
	maxCalls = 5    // of tools, of one gate
	maxURL   = 2000 // of the console
)

type slackMessage struct {
	Text   string  `json:"text"`   // for notifications, and where blocks are not known
	Mrkdwn bool    `json:"mrkdwn"` // of Text
	Blocks []block `json:"blocks"`
}

type block struct {
	Type   string `json:"type"`
	Text   *text  `json:"text,omitempty"`
	Fields []text `json:"fields,omitempty"`
}

type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji,omitempty"`    // of plain text: ":name:" is a picture
	Verbatim bool   `json:"verbatim,omitempty"` // of mrkdwn: names and addresses in it are no links
}

func plain(s string) text { return text{Type: "plain_text", Text: s, Emoji: new(false)} }

func mrkdwn(s string) text { return text{Type: "mrkdwn", Text: s, Verbatim: true} }

func section(t text) block { return block{Type: "section", Text: &t} }

var headlines = map[run.EventType]string{
	run.ApprovalPending:  "Approval needed",
	run.ApprovalApproved: "Approved",
	run.ApprovalRejected: "Rejected",
	run.ApprovalExpired:  "Approval expired",
}

// message is what is posted about an approval.
func (s *Slack) message(e *run.Event) slackMessage {
	g, headline := e.Gate, headlines[e.Type]
	m := slackMessage{Text: headline + ": " + summary(g)}
	header := plain(headline)
	m.Blocks = append(m.Blocks, block{Type: "header", Text: &header}, block{Type: "section", Fields: fields(g)})
	if e.Type == run.ApprovalPending {
		m.Blocks = append(m.Blocks, proposals(g)...)
		if e.ArgsBytes > 0 {
			m.Blocks = append(m.Blocks, section(plain(fmt.Sprintf("Not all of the arguments are here: they have %d bytes.", e.ArgsBytes))))
		}
	}
	if page := s.page(g); page != "" {
		m.Text += " " + page
		m.Blocks = append(m.Blocks, section(mrkdwn("<"+escape(page, maxURL, false)+"|Open in the console>")))
	}
	return m
}

// summary is the gate in a line of text. Servers that are not Slack may take it
// for Markdown.
func summary(g *run.Gate) string {
	var what []string
	for i := range g.Proposed {
		if tool := g.Proposed[i].Tool; tool != "" && i < maxCalls {
			what = append(what, label(tool))
		}
	}
	switch {
	case len(what) > 0:
	case g.Model != "":
		what = []string{"a call of " + label(g.Model)}
	case g.Request != "":
		what = []string{label(g.Request)}
	default:
		what = []string{"a request"}
	}
	line := fmt.Sprintf("%s for %s in run %s", strings.Join(what, ", "), label(g.Agent), label(g.Run.ID))
	if g.By != "" {
		line += ", decided by " + label(g.By)
	}
	return line
}

// fields are what is known about a gate, a line for each.
func fields(g *run.Gate) []text {
	var all []text
	add := func(name, value string) {
		if value != "" {
			all = append(all, plain(name+": "+value))
		}
	}
	add("Agent", words(g.Agent))
	add("Run", words(g.Run.ID))
	add("Rule", words(g.Rule))
	add("Why", words(g.Reason))
	cost := "Cost so far"
	if g.Kind == run.CallGate {
		add("Request", words(g.Request))
		cost = "Estimated cost"
	}
	add("Model", words(g.Model))
	if g.Priced {
		add(cost, "$"+g.Cost.String())
	}
	add("Channel", words(g.Channel))
	if g.By == "" {
		add("Until", g.Expires.UTC().Format(time.RFC1123))
		return all
	}
	add("By", words(g.By))
	add("Comment", words(g.Comment))
	return all
}

// proposals show what would happen.
func proposals(g *run.Gate) []block {
	var all []block
	for i := range g.Proposed {
		p := &g.Proposed[i]
		if i == maxCalls {
			return append(all, section(plain(fmt.Sprintf("and %d more", len(g.Proposed)-maxCalls))))
		}
		if p.Tool == "" {
			continue
		}
		tool := plain("Tool: " + words(p.Tool))
		if p.Hosted {
			tool.Text += " (run by the provider)"
		}
		all = append(all, section(tool))
		if len(p.Args) > 0 {
			all = append(all, section(mrkdwn("```\n"+code(p.Args)+"\n```")))
		}
	}
	return all
}

// code makes the arguments of a tool what may stand between fences. Long ones
// are not indented, since that can make them longer without bounds.
func code(args []byte) string {
	var b bytes.Buffer
	if len(args) > maxArgs || json.Indent(&b, args, "", "  ") != nil {
		return escape(string(args), maxArgs, true)
	}
	return escape(b.String(), maxArgs, true)
}

// words makes a text one that stands in a line and says nothing but itself.
func words(s string) string { return escape(s, maxWords, false) }
