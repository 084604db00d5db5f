// Package console is the web pages by which people decide gates: what is pending,
// one gate with all that it is about, its run, and what was decided lately; and how
// the models serve that calls go to. It is an http.Handler, to be mounted at the root
// or under any prefix:
//
//	login, err := console.NewTokenLogin(operators)
//	pages, err := console.New(gw, console.Config{Authenticate: login.Authenticate, Login: login})
//	mux.Handle("/console/", http.StripPrefix("/console", pages))
//
// Everything works without JavaScript, by links and forms. With it, pages keep
// themselves up to date. Pages load nothing from elsewhere, run no inline script,
// and cannot be framed; requests to decide are taken from pages of the same origin
// only, see [http.CrossOriginProtection].
//
// What an agent or a model wrote is shown as it is, in its order: characters that
// cannot be seen, or that turn text around, are shown by their number. Nothing is
// left out silently: a page says how much of long arguments it does not show, and
// links to all of them as text.
package console
