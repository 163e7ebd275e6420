package cli

import "golang.org/x/sys/windows"

func flushInput(fd uintptr) { _ = windows.FlushConsoleInputBuffer(windows.Handle(fd)) }
