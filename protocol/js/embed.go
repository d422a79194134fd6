// Package js holds the wire in JavaScript, for servers of web pages.
package js

import "embed"

// Files has the modules, in the folder src.
//
//go:embed src
var Files embed.FS
