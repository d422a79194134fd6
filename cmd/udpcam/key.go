package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
)

func keyCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "key",
		Usage:     "make a key that seals streams",
		UsageText: "udpcam key [--qr] [--passphrase]",
		Description: cmdline.Examples(
			"(umask 077; udpcam key >door.key)", "a new key, in a file that only you can read",
			"udpcam send --addr pc --key-file door.key", "a camera that only holders of the key can watch",
			"udpcam recv --show --key-file door.key", "a receiver with the same key",
			"udpcam key --qr", "also as a QR code, to take to another machine",
			"udpcam key --passphrase", "make the key from words",
		) + "\nStandard output gets only the key. Keep the key as you keep a password.\n",
		Action: key,
	},
		cmdline.Flags("Key",
			&cli.BoolFlag{Name: "qr", Usage: "also draw the key as a QR code, on standard error"},
			&cli.BoolFlag{Name: "passphrase", Usage: "ask for words, and make the key from them; the same words always give the same key"},
		),
	)
}

// key is udpcam key.
func key(c *cli.Context) error {
	k := protocol.NewKey()
	if c.Bool("passphrase") {
		words, err := askPassphrase(c.App.Reader, c.App.ErrWriter)
		if err != nil {
			return err
		}
		if k, err = protocol.KeyFromPassphrase(words); err != nil {
			return err
		}
	}
	if c.Bool("qr") {
		code, _ := drawQR(k.Text(), c.App.ErrWriter)
		c.App.ErrWriter.Write(code)
	}
	_, err := fmt.Fprintln(c.App.Writer, k.Text())
	return err
}

// askPassphrase asks for words. At a terminal it asks twice and does not show them. Otherwise it reads one line.
func askPassphrase(in io.Reader, out io.Writer) (string, error) {
	file, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		line, err := bufio.NewReader(in).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return line, err
	}
	ask := func(what string) (string, error) {
		fmt.Fprint(out, what)
		words, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(out)
		return string(words), err
	}
	words, err := ask("Passphrase, such as five words that do not belong together: ")
	if err != nil {
		return "", err
	}
	if again, err := ask("The same again: "); err != nil || again != words {
		return "", errors.Join(errors.New("the two passphrases differ"), err)
	}
	return words, nil
}

// keyFlags are the flags that give keys.
func keyFlags(usage string) []cli.Flag {
	return cmdline.Flags("Key",
		&cli.StringSliceFlag{Name: "key", Usage: usage + " (`KEY`), as udpcam key prints it"},
		&cli.StringSliceFlag{Name: "key-file", Usage: "the key is in this `FILE`, which only you should be able to read", TakesFile: true},
	)
}

// keysOf returns the keys that the flags give.
func keysOf(c *cli.Context) (keys []protocol.Key, err error) {
	for _, text := range cmdline.List(c, "key") {
		k, err := protocol.ParseKey(text)
		if err != nil {
			return nil, cmdline.Usagef("--key: %w", err)
		}
		keys = append(keys, k)
	}
	for _, name := range cmdline.List(c, "key-file") {
		b, err := readSmall(name)
		if err != nil {
			return nil, cmdline.Usagef("--key-file: %w", err)
		}
		before := len(keys)
		for line := range bytes.Lines(b) {
			text := strings.TrimSpace(string(line))
			if text == "" || text[0] == '#' {
				continue
			}
			k, err := protocol.ParseKey(text)
			if err != nil {
				return nil, cmdline.Usagef("--key-file %s: %w", name, err)
			}
			keys = append(keys, k)
		}
		if len(keys) == before {
			return nil, cmdline.Usagef("--key-file %s: there is no key in it; udpcam key makes one", name)
		}
	}
	if len(keys) > 0 && c.String("wire") == string(protocol.WireClassic) {
		return nil, cmdline.Usagef("--key and --wire classic contradict: the classic wire cannot be sealed")
	}
	return keys, nil
}

// maxKeyFile is the largest file that is read for keys, in bytes. It stops a wrong name, such as a device's, from filling
// the memory.
const maxKeyFile = 64 << 10

func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(b) > maxKeyFile {
		err = fmt.Errorf("%s is too large to be a file of keys", name)
	}
	return b, err
}

// warnOfKeys tells of keys that others on this machine can read.
func warnOfKeys(c *cli.Context, log *slog.Logger) {
	if given := cmdline.List(c, "key"); len(given) > 0 && strings.Join(given, ",") != os.Getenv(cmdline.Variable("key")) {
		log.Warn("others on this machine can see a key that is on the command line: use --key-file, or the variable " + cmdline.Variable("key"))
	}
	for _, name := range readableKeyFiles(c) {
		log.Warn("others on this machine can read the key", "file", name, "hint", "chmod 600 "+name)
	}
}

// readableKeyFiles returns the files of --key-file that others on this machine can read.
func readableKeyFiles(c *cli.Context) (names []string) {
	for _, name := range cmdline.List(c, "key-file") {
		info, err := os.Stat(name)
		if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0 {
			names = append(names, name)
		}
	}
	return names
}
