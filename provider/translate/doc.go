// Package translate turns requests for OpenAI's Chat Completions into requests for
// Anthropic's Messages and the other way round, and what comes of them back: whole
// answers, streams and errors.
//
// A translation is a pure function of the request and of the answer. It keeps no
// session and no table of ids, since the next turn of a conversation may go to
// another provider: what it changes on the way there it changes in the same way each
// time.
//
// What would come out wrong is refused with a reason. What only costs quality, money
// or speed is left out, and named in a note.
//
// Files are named for what they read: chat_request.go and its like make a request of
// Messages out of one of Chat Completions, messages_answer.go makes a completion out of
// the message that answers it, messages_stream.go does that by events, and
// messages_fault.go with errors. The other four, messages_request.go, chat_answer.go,
// chat_stream.go and chat_fault.go, are for the agents of Messages. Types are named for
// what they write, such as messagesWriter. What both ways share is in abilities.go (of
// models), fault.go, ids.go, json.go and note.go.
package translate
