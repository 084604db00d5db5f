package translate

import "testing"

func TestMessagesToChatMedia(t *testing.T) {
	user := func(block string) string { return `"messages":[{"role":"user","content":[` + block + `]}]` }
	const text = `{"type":"text","text":"What is it?"}`
	image := func(source string) string { return user(`{"type":"image","source":` + source + `},` + text) }
	document := func(members string) string { return user(`{"type":"document",` + members + `},` + text) }
	const pdf = `"source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}`
	file := func(name string) string {
		return user(`{"type":"file","file":{"filename":"` + name + `","file_data":"data:application/pdf;base64,JVBERi0="}},` + text)
	}
	said := func(s string) string { return user(`{"type":"text","text":"` + s + `"},` + text) }
	checkChats(t, map[string]askedCase{
		"an image":                                 {in: image(`{"type":"base64","media_type":"image/webp","data":"UklGRg=="}`), want: user(`{"type":"image_url","image_url":{"url":"data:image/webp;base64,UklGRg=="}},` + text)},
		"an image alone":                           {in: user(`{"type":"image","source":{"data":"R0lG","media_type":"image/gif","type":"base64"}}`), want: user(`{"type":"image_url","image_url":{"url":"data:image/gif;base64,R0lG"}}`)},
		"an image by URL":                          {in: image(`{"type":"url","url":"https://example.com/a.png?b=1&c=2"}`), want: user(`{"type":"image_url","image_url":{"url":"https://example.com/a.png?b=1&c=2"}},` + text)},
		"one that may be made smaller":             {in: user(`{"type":"image","source":{"type":"url","url":"https://x"},"transformations":{"oversized_image":"downsize"}}`), want: user(`{"type":"image_url","image_url":{"url":"https://x"}}`)},
		"one that may not":                         {in: user(`{"type":"image","source":{"type":"url","url":"https://x"},"transformations":{"oversized_image":"error"}}`), refused: "messages.0.content.0.transformations: an image"},
		"one that is kept":                         {in: image(`{"type":"file","file_id":"file_1"}`), refused: "messages.0.content.0.source: a file that Anthropic keeps"},
		"of another type":                          {in: image(`{"type":"base64","media_type":"image/tiff","data":"x"}`), refused: `messages.0.content.0.source.media_type: "image/tiff" is none of`},
		"without its bytes":                        {in: image(`{"type":"base64","media_type":"image/png"}`), refused: "messages.0.content.0.source.data: a text is wanted"},
		"without its URL":                          {in: image(`{"type":"url"}`), refused: "messages.0.content.0.source.url: a text is wanted"},
		"without a source":                         {in: user(`{"type":"image"}`), refused: "messages.0.content.0.source: an object is wanted"},
		"of a text":                                {in: image(`{"type":"text","media_type":"text/plain","data":"x"}`), refused: "messages.0.content.0.source.type: an image is not"},
		"of a source that is not known":            {in: image(`{"type":"novel"}`), refused: `messages.0.content.0.source.type: "novel"`},
		"of a source that is not known, leniently": {lenient: true, in: image(`{"type":"novel"}`), refused: `messages.0.content.0.source.type: "novel"`},
		"to a model that sees none":                {model: "gpt-4", lenient: true, in: image(`{"type":"url","url":"https://x"}`), refused: `messages.0.content.0: the model "gpt-4" sees no images`},

		"a PDF file":                  {in: document(pdf), want: file("document.pdf")},
		"with a title":                {in: document(`"title":"A \"b\"",` + pdf), want: file(`A \"b\".pdf`)},
		"with a title that is a name": {in: document(`"title":"report.PDF",` + pdf), want: file("report.pdf")},
		"with an empty title":         {in: document(`"title":"",` + pdf), want: file("document.pdf")},
		"with a context": {in: document(`"context":"of May","title":"Bill",` + pdf),
			want: user(`{"type":"text","text":"of May"},{"type":"file","file":{"filename":"Bill.pdf","file_data":"data:application/pdf;base64,JVBERi0="}},` + text)},
		"to a model that reads none": {model: "llama-4", in: document(pdf), refused: `messages.0.content.0: the model "llama-4" reads no PDF files`},
		"a file of another type":     {in: document(`"source":{"type":"base64","media_type":"application/msword","data":"x"}`), refused: `messages.0.content.0.source.media_type: "application/msword" is none`},
		"a document by URL":          {in: document(`"source":{"type":"url","url":"https://x/a.pdf"}`), refused: "messages.0.content.0.source.url: Chat Completions fetches no documents"},
		"a document that is kept":    {in: document(`"source":{"type":"file","file_id":"file_1"}`), refused: "messages.0.content.0.source: a file that Anthropic keeps"},

		"a document of text":         {in: document(`"source":{"type":"text","media_type":"text/plain","data":"A\nB"}`), want: said(`A\nB`)},
		"with its title and context": {in: document(`"title":"T","context":"of May","source":{"type":"text","media_type":"text/plain","data":"A"}`), want: said(`Document: T\nof May\n\nA`)},
		"of another text":            {in: document(`"source":{"type":"text","media_type":"text/html","data":"A"}`), refused: `messages.0.content.0.source.media_type: "text/html" is no text`},
		"a document of one text":     {in: document(`"source":{"type":"content","content":"A"}`), want: said(`A`)},
		"a document of blocks":       {in: document(`"title":"T","source":{"type":"content","content":[{"type":"text","text":"A"},{"type":"text","text":"B"}]}`), want: said(`Document: T\n\nA\nB`)},
		"a document of images": {in: document(`"source":{"type":"content","content":[{"type":"text","text":"A"},{"type":"image","source":{"type":"url","url":"https://x"}}]}`),
			want: user(`{"type":"text","text":"A\n[The image is below]"},{"type":"image_url","image_url":{"url":"https://x"}},` + text)},
		"a document of something else":   {in: document(`"source":{"type":"content","content":[{"type":"tool_use"}]}`), refused: "messages.0.content.0: there is more in it"},
		"that is to be cited":            {in: document(`"citations":{"enabled":true},"source":{"type":"text","media_type":"text/plain","data":"A"}`), refused: "messages.0.content.0.citations: Chat Completions cites no documents"},
		"that is to be cited, leniently": {lenient: true, in: document(`"citations":{"enabled":true},"source":{"type":"text","media_type":"text/plain","data":"A"}`), want: said(`A`), notes: "messages.citations=dropped"},
		"that is not to be cited":        {in: document(`"citations":{"enabled":false},"source":{"type":"text","media_type":"text/plain","data":"A"}`), want: said(`A`)},
		"a file that is to be cited":     {in: document(`"citations":{"enabled":true},` + pdf), refused: "messages.0.content.0.citations"},

		"a search result":                     {in: user(`{"type":"search_result","source":"https://x","title":"T","content":[{"type":"text","text":"A"},{"type":"text","text":"B"}]},` + text), want: said(`T\nhttps://x\n\nA\nB`)},
		"a search result that is to be cited": {in: user(`{"type":"search_result","source":"https://x","title":"T","content":[{"type":"text","text":"A"}],"citations":{"enabled":true}}`), refused: "messages.0.content.0.citations"},
	})
}

// A breakpoint stands in the part that the block has become.
func TestMessagesToChatMediaWithBreakpoints(t *testing.T) {
	const mark, cache = `"prompt_cache_breakpoint":{"mode":"explicit"}`, `"cache_control":{"type":"ephemeral"}`
	checkChats(t, map[string]askedCase{"each kind": {model: "gpt-5.6",
		in: `"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x"},` + cache + `},` +
			`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="},` + cache + `},` +
			`{"type":"document","source":{"type":"text","media_type":"text/plain","data":"A"},` + cache + `},` +
			`{"type":"search_result","source":"s","title":"t","content":[],` + cache + `}]}]`,
		want: `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"},` + mark + `},` +
			`{"type":"file","file":{"filename":"document.pdf","file_data":"data:application/pdf;base64,JVBERi0="},` + mark + `},` +
			`{"type":"text","text":"A",` + mark + `},{"type":"text","text":"t\ns\n\n",` + mark + `}]}]`,
	}})
}
