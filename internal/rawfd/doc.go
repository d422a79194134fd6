// Package rawfd makes system calls on files and sockets that do not block, and does not tell Go's scheduler of them.
//
// Go tells its scheduler of each system call, which wakes the runtime's monitor thread, since a call might block. At 30
// pictures a second that wake-up costs more than the call. A call on a non-blocking file returns at once, and where
// there is nothing to do yet, Go's poller waits until there is. It is for Linux.
package rawfd
