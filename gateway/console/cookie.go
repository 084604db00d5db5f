package console

import (
	"net"
	"net/http"
	"strings"
	"time"
)

// cookieName is the name of the session's cookie. Browsers take one that begins
// with __Host- over HTTPS only, and for this host only.
func cookieName(r *http.Request) string {
	if plain(r) {
		return "rungate-console"
	}
	return "__Host-rungate-console"
}

// plain reports whether a request has come without TLS to a host that is the
// browser's own.
func plain(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return r.TLS == nil && (host == "localhost" || ip.IsLoopback())
}

func sessionOf(r *http.Request) string {
	c, err := r.Cookie(cookieName(r))
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie sets the session's cookie, or with a negative age takes it away. It
// comes with links from other sites, such as a chat, but with no form of theirs.
func setCookie(w http.ResponseWriter, r *http.Request, session string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Value: session, Path: "/", MaxAge: int(age.Seconds()),
		HttpOnly: true, Secure: !plain(r), SameSite: http.SameSiteLaxMode,
	})
}

// The marker is a cookie that browsers keep without HTTPS, too. It says nothing
// but that somebody has signed in just now.
const (
	marker     = "rungate-console-signed-in"
	markerTime = time.Minute
)

// setMarker sets the marker beside a session's cookie that takes HTTPS, or with a
// negative age takes it away.
func setMarker(w http.ResponseWriter, r *http.Request, age time.Duration) {
	if plain(r) {
		return
	}
	http.SetCookie(w, &http.Cookie{Name: marker, Value: "1", Path: "/", MaxAge: int(age.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// lost reports whether a browser has signed in just now, and has not kept the
// session's cookie.
func lost(r *http.Request) bool {
	_, err := r.Cookie(marker)
	return err == nil && sessionOf(r) == ""
}
