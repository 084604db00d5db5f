package wire

import (
	"net/http"
	"strings"

	"github.com/rungate/rungate/provider"
)

// A Sentence is how the message of an error tells of a fault, where neither its type
// nor its code does. It is in lower case, without back quotes.
type Sentence struct {
	Words string
	Fault provider.Fault

	// Anywhere means that the words may be anywhere in the message. Messages quote
	// what an agent has sent: no fault by which a target is left out for others is
	// read from the middle of one.
	Anywhere bool
}

// Fault says what an error means, of which a dialect knows those sentences besides
// what servers of all dialects say. See [provider.Dialect].
func Fault(status int, body []byte, sentences []Sentence) provider.Fault {
	p := readProblem(body)
	if p.governed(status) {
		return provider.Rejected
	}
	for _, s := range sentences {
		if strings.HasPrefix(p.message, s.Words) || s.Anywhere && strings.Contains(p.message, s.Words) {
			return s.Fault
		}
	}
	for _, word := range []string{p.code, p.kind} {
		if f, known := faultOf(word); known {
			return f
		}
	}
	if status < 400 && p.status >= 400 {
		status = p.status
	}
	switch {
	case status == http.StatusNotFound || p.kind == "not_found_error" || p.kind == "NotFoundError":
		if p.missesStored() {
			return provider.Rejected
		}
		return provider.UnknownModel
	case status == http.StatusPaymentRequired:
		return provider.OutOfFunds
	case status == http.StatusTooManyRequests:
		return provider.RateLimited
	case status == http.StatusRequestEntityTooLarge:
		return provider.Rejected
	case p.page || status == http.StatusRequestTimeout || status >= 500:
		return provider.Overloaded // a page is no API's: what is in front of it has not let the call through
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return provider.Denied
	case status < 400 && !blamesCall(p.kind) && !blamesCall(p.code):
		return provider.Overloaded
	}
	return provider.Rejected
}

// faultOf is what a type or a code of an error means, where it says enough. Servers
// of one dialect use the words of the other, so that there is one list.
func faultOf(word string) (f provider.Fault, known bool) {
	switch word {
	case "insufficient_quota", "billing_error", "billing_hard_limit_reached", "billing_not_active", "quota_exceeded",
		"usage_limit_reached", "organization_usage_limit_exceeded", "organization_spend_limit_exceeded", "project_spend_limit_exceeded",
		"contract_spend_limit_reached", "enforced_spend_limit_reached", "insufficient_balance", "INSUFFICIENT_BALANCE":
		return provider.OutOfFunds, true
	case "invalid_api_key", "authentication_error", "permission_error", "account_deactivated", "access_terminated",
		"invalid_organization", "unsupported_country_region_territory", "ip_not_authorized", "insufficient_permissions", "missing_scope",
		"organization_on_hold", "cmek_key_disabled", "cmek_key_network_blocked":
		return provider.Denied, true
	case "rate_limit_error", "rate_limit_exceeded", "ramp_limit_exceeded", "requests", "tokens", "too_many_requests", "slow_down":
		return provider.RateLimited, true
	case "overloaded_error", "timeout_error", "server_is_overloaded", "engine_overloaded", "timeout", "vector_store_timeout",
		"cmek_key_unreachable", "cmek_context_unavailable", "compaction_unavailable":
		return provider.Overloaded, true
	case "model_not_found", "model_not_supported", "DeploymentNotFound":
		return provider.UnknownModel, true
	case "context_length_exceeded":
		return provider.TooLong, true
	case "invalid_encrypted_content":
		return provider.UnsignedHistory, true
	case "request_too_large", "invalid_prompt", "content_filter", "content_policy_violation",
		"linked_organization_spend_limit_reached", "linked_organization_billing_unavailable": // who would pay elsewhere is another
		return provider.Rejected, true
	}
	return 0, false
}

// governed reports whether another gateway of this kind has refused the call, for
// what the run has spent there or may not do, which tells nothing of the next run.
func (p *problem) governed(status int) bool {
	return (status == http.StatusPaymentRequired || status == http.StatusForbidden) && strings.HasPrefix(p.message, "rungate:")
}

// missesStored reports whether what has not been found is something that the call
// refers to, and not the model.
func (p *problem) missesStored() bool {
	if strings.Contains(p.message, "model") {
		return false
	}
	for _, thing := range [...]string{"file", "container", "thread", "conversation", "response", "item", "skill", "vector store", "prompt"} {
		if strings.Contains(p.message, thing) || strings.HasPrefix(p.code, thing) {
			return true
		}
	}
	return false
}

// blamesCall reports whether a type or code that is not known says that the call is
// at fault. Of an error in a stream no status does.
func blamesCall(word string) bool {
	word = strings.ToLower(word)
	for _, part := range [...]string{"invalid", "image", "unsupported", "policy", "badrequest", "bad_request"} {
		if strings.Contains(word, part) {
			return true
		}
	}
	return false
}
