//go:build unix && !solaris && !illumos && !aix

package audit

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps other processes from opening the file for writing. It holds until the
// file is closed.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errors.New("another process writes to this log; one file is for one process")
	}
	return err
}
