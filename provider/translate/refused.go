package translate

// A RefusedError says why a request is not translated.
type RefusedError struct {
	Path   string // of what is at fault, such as "messages.3.content.0"; empty for the request as a whole
	Reason string // goes on a sentence, such as `a file of the other provider's ("file_id") cannot be read there; send its content`
	Code   string // the vendor's own, by which its SDKs send the request in another form; empty for none
}

func (e *RefusedError) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

// notKnown is the reason for what only a lenient translation leaves out.
const notKnown = "it is not known what this would be at the other API; leave it out, or translate leniently"
