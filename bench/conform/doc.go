// Package conform tests whether a program in any language speaks udpcam/1 as protocol/README.md says. It starts the program,
// plays the other end of the wire, and checks one rule after another. `udpcam-bench conform` prints what it finds.
//
// The package has its own code for the wire, and shares none with package protocol. So it also tests that package. A rule is
// a function in a file whose name begins with recv or send: see the tables recvRules and sendRules.
package conform
