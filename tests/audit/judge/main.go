// A judge of logs that knows nothing of Licet: it verifies proofs with the libraries that Go's checksum database is
// verified with. One proof a line comes in, as Licet writes it; one verdict a line goes out, `ok` or what is wrong.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type state struct {
	Size       int64  `json:"size"`
	Root       string `json:"root"`
	Checkpoint string `json:"checkpoint"`
}

type proof struct {
	Proves     string   `json:"proves"`
	Key        string   `json:"key"`
	Position   int64    `json:"position"`
	Record     string   `json:"record"`
	Checkpoint string   `json:"checkpoint"`
	First      state    `json:"first"`
	Second     state    `json:"second"`
	Path       []string `json:"path"`
}

// signed returns the tree that a checkpoint is of, after its signature and its origin were verified.
func signed(checkpoint, key string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open([]byte(checkpoint), note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func judge(line []byte) error {
	var p proof
	if err := json.Unmarshal(line, &p); err != nil {
		return err
	}
	path := make([]tlog.Hash, len(p.Path))
	for i, text := range p.Path {
		hash, err := tlog.ParseHash(text)
		if err != nil {
			return err
		}
		path[i] = hash
	}
	if p.Proves == "inclusion" {
		tree, err := signed(p.Checkpoint, p.Key)
		if err != nil {
			return err
		}
		return tlog.CheckRecord(path, tree.N, tree.Hash, p.Position, tlog.RecordHash([]byte(p.Record)))
	}
	tree, err := signed(p.Second.Checkpoint, p.Key)
	if err != nil {
		return err
	}
	old, err := tlog.ParseHash(p.First.Root)
	if err != nil {
		return err
	}
	return tlog.CheckTree(path, tree.N, tree.Hash, p.First.Size, old)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := judge(lines.Bytes()); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println("ok")
		}
	}
}
