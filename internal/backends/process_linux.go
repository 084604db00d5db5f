package backends

import "syscall"

// endWithParent has the kernel end a process when its parent does.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
