package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long after a change the files are read: editors and deployments
// change several, or one in several steps.
const settle = 200 * time.Millisecond

// follow loads the configuration at path again on SIGHUP, and when one of its
// files has changed since src, until stop is called.
func (srv *server) follow(path string, env func(string) (string, bool), src sources) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer signal.Stop(hangup)
		files := srv.watch()
		defer files.close()
		files.add(src.dirs)
		soon := time.After(0) // something may have changed before it was watched
		for {
			asked := false
			select {
			case <-done:
				return
			case e := <-files.changed:
				if soon == nil && !srv.settings.writes(e.Name) {
					soon = time.After(settle)
				}
				continue
			case err := <-files.failed:
				srv.log.Warn("files are not watched well", "error", err)
				continue
			case <-hangup:
				asked = true
			case <-soon:
				soon = nil
			}
			s, now, err := load(path, env)
			files.add(now.dirs)
			if asked || now.digest != src.digest {
				srv.reload(s, err)
			}
			src = now
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// A watch tells of changes in directories. Single files are not watched: they
// are mostly replaced, and no longer the same then.
type watch struct {
	srv     *server
	w       *fsnotify.Watcher // nil if there is none
	changed <-chan fsnotify.Event
	failed  <-chan error
}

func (srv *server) watch() *watch {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		srv.log.Warn("files are not watched; send SIGHUP to load the configuration again", "error", err)
		return &watch{srv: srv}
	}
	return &watch{srv: srv, w: w, changed: w.Events, failed: w.Errors}
}

func (w *watch) add(dirs []string) {
	if w.w == nil {
		return
	}
	for _, dir := range dirs {
		if err := w.w.Add(dir); err != nil {
			w.srv.log.Warn("directory is not watched", "dir", dir, "error", err)
		}
	}
}

func (w *watch) close() {
	if w.w != nil {
		_ = w.w.Close() // nothing depends on it any more
	}
}
