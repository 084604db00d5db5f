package translate

import (
	"encoding/base64"
	"testing"
)

// The first bytes of images, and of a PDF file, in base64.
const (
	png  = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
	jpeg = "/9j/4AAQSkZJRgABAQAAAQABAAD/"
	gif  = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAA"
	webp = "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoB"
	pdf  = "JVBERi0xLjQKJeLjz9MK"
)

func TestChatImages(t *testing.T) {
	shows := func(image string) string {
		return `"messages":[{"role":"user","content":[{"type":"image_url","image_url":` + image + `}]}]`
	}
	wants := func(source string) string {
		return `"messages":[{"role":"user","content":[{"type":"image","source":` + source + `}]}]`
	}
	based := func(media, data string) string {
		return wants(`{"type":"base64","media_type":"` + media + `","data":"` + data + `"}`)
	}
	const (
		field = "messages.0.content.0.image_url"
		none  = field + ": the other API takes PNG, JPEG, GIF and WebP images, and this is none; convert it"
	)
	runAll(t, []requestCase{
		{name: "PNG", in: shows(`{"url":"data:image/png;base64,` + png + `"}`), want: based("image/png", png)},
		{name: "JPEG", in: shows(`{"url":"data:image/jpeg;base64,` + jpeg + `"}`), want: based("image/jpeg", jpeg)},
		{name: "JPEG by the name that is none", in: shows(`{"url":"data:image/jpg;base64,` + jpeg + `"}`), want: based("image/jpeg", jpeg)},
		{name: "GIF", in: shows(`{"url":"data:image/gif;base64,` + gif + `"}`), want: based("image/gif", gif)},
		{name: "WebP", in: shows(`{"url":"data:image/webp;base64,` + webp + `"}`), want: based("image/webp", webp)},
		{name: "with escaped slashes", in: shows(`{"url":"data:image\/jpeg;base64,\/9j\/4AAQSkZJRgABAQAAAQABAAD\/"}`), want: based("image/jpeg", jpeg)},
		{name: "declared as another type", in: shows(`{"url":"data:image/jpeg;base64,` + png + `"}`), want: based("image/png", png),
			notes: "messages.content.image_url=media type corrected"},
		{name: "of a type that is not taken", in: shows(`{"url":"data:image/svg+xml;base64,PHN2Zz48L3N2Zz4="}`), refusal: none},
		{name: "that is none", in: shows(`{"url":"data:image/png;base64,aGVsbG8gd29ybGQ="}`), refusal: none},
		{name: "that is empty", in: shows(`{"url":"data:image/png;base64,"}`), refusal: field + ": a data URL in base64 is wanted"},
		{name: "not in base64", in: shows(`{"url":"data:image/png,abc"}`), refusal: field + ": a data URL in base64 is wanted"},
		{name: "somewhere else, passed on and not fetched (litellm #12899)", in: shows(`{"url":"https://example.org/a.png?b=\"c\"","detail":"auto"}`),
			want: wants(`{"type":"url","url":"https://example.org/a.png?b=\"c\""}`)},
		{name: "as a URL alone", in: shows(`"https://example.org/a.png"`), want: wants(`{"type":"url","url":"https://example.org/a.png"}`)},
		{name: "how well it is to be seen", in: shows(`{"url":"https://example.org/a.png","detail":"low"}`),
			want: wants(`{"type":"url","url":"https://example.org/a.png"}`), notes: "messages.content.image_url.detail=dropped"},
		{name: "without encryption", in: shows(`{"url":"http://example.org/a.png"}`),
			refusal: field + ": the other API fetches images by https only; send such a URL, or the image itself"},
		{name: "without anything", in: shows(`{}`), refusal: field + ": the other API fetches images by https only; send such a URL, or the image itself"},
		{name: "at a URL that is none", in: shows(`{"url":"https://exa mple.org/%zz"}`), refusal: field + ": this is no URL"},
		{name: "with white space within", in: shows(`{"url":"data:image/png;base64,` + png[:20] + `\n` + png[20:] + `"}`), want: based("image/png", png)},
		{name: "that breaks the base64", in: shows(`{"url":"data:image/png;base64,` + png + `\"}]"}`), refusal: field + ": this is not in base64"},
		{name: "with more to it than is known", in: shows(`{"url":"https://example.org/a.png","crop":1}`),
			refusal: field + ".crop: it is not known what this would be at the other API; leave it out, or translate leniently"},
		{name: "of an assistant's", in: `"messages":[` + hi + `,{"role":"assistant","content":[{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]},` + hi + `]`,
			refusal: "messages.1.content.0: the other API takes nothing but text here; send it in a user message"},
	})
}

func TestChatFiles(t *testing.T) {
	shows := func(file string) string {
		return `"messages":[{"role":"user","content":[{"type":"file","file":` + file + `}]}]`
	}
	plain := base64.StdEncoding.EncodeToString([]byte("a \"b\"\nc"))
	const kinds = "messages.0.content.0.file.file_data: the other API takes PDF and text files, and this is none; convert it"
	document := `"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"` + pdf + `"},"title":"a.pdf"}]}]`
	runAll(t, []requestCase{
		{name: "PDF", in: shows(`{"filename":"a.pdf","file_data":"data:application/pdf;base64,` + pdf + `"}`), want: document},
		{name: "PDF without a URL around it", in: shows(`{"filename":"a.pdf","file_data":"` + pdf + `"}`), want: document},
		{name: "PDF without a name", in: shows(`{"file_data":"data:application/pdf;base64,` + pdf + `"}`),
			want: `"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"` + pdf + `"}}]}]`},
		{name: "text", in: shows(`{"filename":"a.txt","file_data":"data:text/plain;charset=utf-8;base64,` + plain + `"}`),
			want: `"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a \"b\"\nc"},"title":"a.txt"}]}]`},
		{name: "text that is none", in: shows(`{"filename":"a.txt","file_data":"data:text/plain;base64,//79"}`),
			refusal: "messages.0.content.0.file.file_data: this is no text in UTF-8 and base64"},
		{name: "that says it is PDF and is not", in: shows(`{"filename":"a.pdf","file_data":"data:application/pdf;base64,` + png + `"}`), refusal: kinds},
		{name: "of another type", in: shows(`{"filename":"a.ogg","file_data":"data:audio/ogg;base64,T2dnUw=="}`), refusal: kinds},
		{name: "that the other provider keeps", in: shows(`{"file_id":"file-1"}`),
			refusal: "messages.0.content.0.file.file_id: a file that the other provider keeps cannot be read there; send its content"},
		{name: "not in base64", in: shows(`{"file_data":"data:application/pdf,abc"}`), refusal: "messages.0.content.0.file.file_data: a data URL in base64 is wanted"},
		{name: "with more to it than is known", in: shows(`{"file_data":"` + pdf + `","pages":1}`),
			refusal: "messages.0.content.0.file.pages: it is not known what this would be at the other API; leave it out, or translate leniently"},
		{name: "that is nothing", in: `"messages":[{"role":"user","content":[{"type":"file"}]}]`, refusal: "messages.0.content.0.file: an object is wanted"},
		{name: "sound", in: `"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]`,
			refusal: "messages.0.content.0: the other API takes no sound; send a transcript"},
		{name: "sound, leniently: an answer that has not heard it is wrong", lenient: true,
			in:      `"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]`,
			refusal: "messages.0.content.0: the other API takes no sound; send a transcript"},
		{name: "PDF at a server of others", model: "glm-4.6", in: shows(`{"filename":"a.pdf","file_data":"` + pdf + `"}`),
			refusal: "messages.0.content.0.file: the model takes no PDF files; send the text of it"},
	})
}

func TestChatCacheBreakpoints(t *testing.T) {
	part := func(text string) string {
		return `{"type":"text","text":"` + text + `","prompt_cache_breakpoint":{"mode":"explicit"}}`
	}
	block := func(text string) string {
		return `{"type":"text","text":"` + text + `","cache_control":{"type":"ephemeral"}}`
	}
	const tool = `"tools":[{"type":"function","function":{"name":"look"}}]`
	const used = `"tools":[{"name":"look","input_schema":{"type":"object","properties":{}}}]`
	runAll(t, []requestCase{
		{name: "no more than four", in: `"messages":[{"role":"user","content":[` + part("a") + `,` + part("b") + `,` + part("c") + `,` + part("d") + `,` + part("e") + `]}]`,
			want:  `"messages":[{"role":"user","content":[` + block("a") + `,` + block("b") + `,` + block("c") + `,` + block("d") + `,{"type":"text","text":"e"}]}]`,
			notes: "messages.content.prompt_cache_breakpoint=dropped"},
		{name: "on an empty text is on no block (litellm #39815)", in: `"messages":[{"role":"user","content":[{"type":"text","text":"","prompt_cache_breakpoint":{"mode":"explicit"}},{"type":"text","text":"Hi"}]}]`},
		{name: "as Messages has them", in: `"messages":[{"role":"user","content":[{"type":"text","text":"A","cache_control":{"type":"ephemeral"}},{"type":"text","text":"B","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]`,
			want: `"messages":[{"role":"user","content":[{"type":"text","text":"A","cache_control":{"type":"ephemeral"}},{"type":"text","text":"B","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]`},
		{name: "as Messages has them, with more", in: `"messages":[{"role":"user","content":[{"type":"text","text":"A","cache_control":{"type":"ephemeral","novel":1}}]}]`,
			refusal: "messages.0.content.0.cache_control.novel: " + notKnown},
		{name: "on an image", in: `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.org/a.png"},"prompt_cache_breakpoint":{"mode":"explicit"}}]}]`,
			want: `"messages":[{"role":"user","content":[{"type":"image","cache_control":{"type":"ephemeral"},"source":{"type":"url","url":"https://example.org/a.png"}}]}]`},
		{name: "an agent's prompt is cached, as OpenAI does by itself", in: tool, want: used + `,"cache_control":{"type":"ephemeral"}`},
		{name: "but not where it has set breakpoints", in: tool + `,"messages":[{"role":"user","content":[` + part("a") + `]}]`,
			want: used + `,"messages":[{"role":"user","content":[` + block("a") + `]}]`},
		{name: "nor where it wants none but its own", in: tool + `,"prompt_cache_options":{"mode":"explicit","ttl":"30m"}`, want: used},
		{name: "nor at servers of others", model: "glm-4.6", in: tool, want: used},
		{name: "where the cache is, is the other provider's business", in: `"prompt_cache_key":"k","prompt_cache_retention":"24h","prompt_cache_options":{"mode":"implicit"}`},
	})
}
