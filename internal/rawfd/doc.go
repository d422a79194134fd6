// Package rawfd makes system calls on files and sockets that do not block, and does not tell Go's scheduler of them. It is
// for Linux.
//
// A system call might block, so Go wakes the runtime's monitor thread for each. At 30 pictures a second that wake-up costs
// more than the call. A call on a non-blocking file returns at once. If there is nothing to do yet, Go's poller waits.
package rawfd
