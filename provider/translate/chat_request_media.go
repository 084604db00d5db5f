package translate

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/rungate/rungate/provider/internal/wire"
)

// image translates a part that is an image. One that is somewhere else is not
// fetched: the URL is passed on.
func (t *messagesWriter) image(o entries, as place, mark string) {
	const field = "image_url"
	value := o.take(field)
	if begins(value, '{') {
		before := len(t.arena)
		inner := t.open(field, value)
		value = inner.take("url")
		if detail := word(inner.take("detail")); detail != nil && string(detail) != "auto" {
			t.note(field+".detail", "dropped")
		}
		t.restIn(field, inner)
		t.arena = t.arena[:before]
	}
	at := word(value)
	switch {
	case !t.can.images:
		t.refuse(field, "the model takes no images; describe it in words")
	case bytes.HasPrefix(at, []byte("data:")):
		declared, data, ok := dataURL(at)
		if !ok {
			t.refuse(field, "a data URL in base64 is wanted")
			return
		}
		found := imageType(data)
		if found == "" {
			t.refuse(field, "the other API takes PNG, JPEG, GIF and WebP images, and this is none; convert it")
			return
		}
		if declared != found && declared != "image/jpg" {
			t.note(field, "media type corrected")
		}
		t.beginBlock(as, "image", mark)
		t.base64(field, found, data)
		t.out = append(t.out, '}')
	case bytes.HasPrefix(at, []byte("https://")):
		if _, err := url.Parse(string(at)); err != nil {
			t.refuse(field, "this is no URL")
			return
		}
		t.beginBlock(as, "image", mark)
		t.out = append(t.out, `,"source":{"type":"url","url":`...)
		t.out = append(t.out, value...)
		t.out = append(t.out, `}}`...)
	default:
		t.refuse(field, "the other API fetches images by https only; send such a URL, or the image itself")
	}
}

// file translates a part that is a file.
func (t *messagesWriter) file(o entries, as place, mark string) {
	before := len(t.arena)
	inner := t.open("file", o.take("file"))
	defer func() { t.arena = t.arena[:before] }()
	if inner.take("file_id") != nil {
		t.refuse("file.file_id", "a file that the other provider keeps cannot be read there; send its content")
		return
	}
	name, content := inner.take("filename"), word(inner.take("file_data"))
	t.restIn("file", inner)
	declared, data, ok := dataURL(content)
	if !bytes.HasPrefix(content, []byte("data:")) {
		declared, data, ok = "", content, true
	}
	switch {
	case t.err != nil:
		return
	case !ok:
		t.refuse("file.file_data", "a data URL in base64 is wanted")
		return
	case (declared == "" || declared == "application/pdf") && bytes.HasPrefix(data, []byte("JVBERi")): // %PDF
		if !t.can.pdfs {
			t.refuse("file", "the model takes no PDF files; send the text of it")
			return
		}
		t.beginBlock(as, "document", mark)
		t.base64("file.file_data", "application/pdf", data)
	case declared == "text/plain":
		plain, err := base64.StdEncoding.AppendDecode(nil, data)
		if err != nil || !utf8.Valid(plain) || len(bytes.TrimSpace(plain)) == 0 {
			t.refuse("file.file_data", "this is no text in UTF-8 and base64")
			return
		}
		t.beginBlock(as, "document", mark)
		t.out = append(t.out, `,"source":{"type":"text","media_type":"text/plain","data":`...)
		t.out = wire.AppendString(t.out, string(plain))
		t.out = append(t.out, '}')
	default:
		t.refuse("file.file_data", "the other API takes PDF and text files, and this is none; convert it")
		return
	}
	if begins(name, '"') && !blank(name) {
		t.key("title")
		t.out = append(t.out, name...)
	}
	t.out = append(t.out, '}')
}

// base64 writes the source of a block. White space in it is left out.
func (t *messagesWriter) base64(field, media string, data []byte) {
	t.out = append(t.out, `,"source":{"type":"base64","media_type":"`...)
	t.out = append(t.out, media...)
	t.out = append(t.out, `","data":"`...)
	from := 0
	for i, c := range data {
		if encoded[c] {
			continue
		}
		if c > ' ' {
			t.refuse(field, "this is not in base64")
			return
		}
		t.out = append(t.out, data[from:i]...)
		from = i + 1
	}
	t.out = append(t.out, data[from:]...)
	t.out = append(t.out, `"}`...)
}

// encoded are the bytes that base64 is made of.
var encoded = func() (yes [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=" {
		yes[c] = true
	}
	return yes
}()

// dataURL takes a data URL in base64 apart.
func dataURL(at []byte) (media string, data []byte, ok bool) {
	head, data, ok := bytes.Cut(at, []byte(","))
	head, in := bytes.CutSuffix(head, []byte(";base64"))
	media, _, _ = strings.Cut(strings.TrimPrefix(string(head), "data:"), ";")
	return strings.ToLower(strings.TrimSpace(media)), data, ok && in && len(data) > 0
}

// imageType tells by the first bytes of an image in base64 which of the types it has
// that are taken; else it is empty.
func imageType(data []byte) string {
	var head [15]byte
	n, _ := base64.RawStdEncoding.Decode(head[:], data[:min(len(data), 20)&^3])
	switch b := string(head[:n]); {
	case strings.HasPrefix(b, "\x89PNG\r\n\x1a\n"):
		return "image/png"
	case strings.HasPrefix(b, "\xff\xd8\xff"):
		return "image/jpeg"
	case strings.HasPrefix(b, "GIF87a"), strings.HasPrefix(b, "GIF89a"):
		return "image/gif"
	case strings.HasPrefix(b, "RIFF") && len(b) >= 12 && b[8:12] == "WEBP":
		return "image/webp"
	}
	return ""
}
