// Prints how the parsers of BuildKit and of Buildah read Dockerfiles, one JSON object a line: those of a file of cases
// (names and texts), then random ones. What the unit tests expect is written by
//
//	go run . >../expectations.jsonl
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math/rand"
	"os"
	"reflect"
	"sort"
	"strings"

	buildkit "github.com/moby/buildkit/frontend/dockerfile/parser"
	buildah "github.com/openshift/imagebuilder/dockerfile/parser"
)

type heredoc struct {
	Name    string `json:"name"`
	Content string `json:"content"`
}

type instruction struct {
	Line    int    `json:"line"`
	Keyword string `json:"keyword"`
	// Text is the whole of it, its lines joined.
	Text     string    `json:"text"`
	Flags    []string  `json:"flags,omitempty"`
	Words    []string  `json:"words,omitempty"`
	Heredocs []heredoc `json:"heredocs,omitempty"`
}

type reading struct {
	Instructions []instruction `json:"instructions,omitempty"`
	Error        string        `json:"error,omitempty"`
}

type expectation struct {
	Name     string   `json:"name"`
	Text     string   `json:"text"`
	BuildKit reading  `json:"buildkit"`
	Buildah  *reading `json:"buildah,omitempty"`
}

func main() {
	cases := flag.String("cases", "../cases.json", "JSON file of names and texts")
	seed := flag.Int64("seed", 1, "seed of the random files")
	random := flag.Int("random", 150, "number of random files")
	flag.Parse()
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	for _, own := range append(read(*cases), randomFiles(*seed, *random)...) {
		if err := output.Encode(own); err != nil {
			log.Fatal(err)
		}
	}
}

func read(path string) []expectation {
	texts := map[string]string{}
	if path != "" {
		content, err := os.ReadFile(path)
		if err != nil {
			log.Fatal(err)
		}
		if err := json.Unmarshal(content, &texts); err != nil {
			log.Fatal(err)
		}
	}
	names := make([]string, 0, len(texts))
	for name := range texts {
		names = append(names, name)
	}
	sort.Strings(names)
	expectations := make([]expectation, 0, len(names))
	for _, name := range names {
		expectations = append(expectations, expect(name, texts[name]))
	}
	return expectations
}

func expect(name, text string) expectation {
	own := expectation{Name: name, Text: text, BuildKit: byBuildKit(text)}
	if other := byBuildah(text); !reflect.DeepEqual(plain(other), plain(own.BuildKit)) {
		own.Buildah = &other
	}
	return own
}

// plain leaves out what the two only say otherwise: their errors, and line ends in bodies, which Buildah doesn't keep.
func plain(own reading) reading {
	instructions := append([]instruction{}, own.Instructions...)
	for index := range instructions {
		instructions[index].Heredocs = append([]heredoc{}, instructions[index].Heredocs...)
		for place := range instructions[index].Heredocs {
			instructions[index].Heredocs[place].Content = ""
		}
	}
	if own.Error != "" {
		return reading{Error: "refused"}
	}
	return reading{Instructions: instructions}
}

func byBuildKit(text string) reading {
	result, err := buildkit.Parse(bytes.NewBufferString(text))
	if err != nil {
		return reading{Error: err.Error()}
	}
	instructions := []instruction{}
	for _, node := range result.AST.Children {
		own := begin(node.StartLine, node.Value, node.Original, node.Flags)
		for next := node.Next; isFrom(own) && next != nil; next = next.Next {
			own.Words = append(own.Words, next.Value)
		}
		for _, body := range node.Heredocs {
			own.Heredocs = append(own.Heredocs, heredoc{body.Name, body.Content})
		}
		instructions = append(instructions, own)
	}
	return reading{Instructions: instructions}
}

func byBuildah(text string) reading {
	result, err := buildah.Parse(bytes.NewBufferString(text))
	if err != nil {
		return reading{Error: err.Error()}
	}
	instructions := []instruction{}
	for _, node := range result.AST.Children {
		own := begin(node.StartLine, node.Value, node.Original, node.Flags)
		for next := node.Next; isFrom(own) && next != nil; next = next.Next {
			own.Words = append(own.Words, next.Value)
		}
		for _, body := range node.Heredocs {
			own.Heredocs = append(own.Heredocs, heredoc{body.Name, strings.TrimPrefix(body.Content, "\n")})
		}
		instructions = append(instructions, own)
	}
	return reading{Instructions: instructions}
}

func begin(line int, keyword, text string, flags []string) instruction {
	if len(flags) == 0 {
		flags = nil
	}
	return instruction{Line: line, Keyword: upper(keyword), Text: text, Flags: flags}
}

func isFrom(own instruction) bool {
	return own.Keyword == "FROM"
}

// upper gives the keyword that both parsers look for: they compare in lower case, of which only ASCII is made large.
func upper(keyword string) string {
	return strings.Map(func(char rune) rune {
		if 'a' <= char && char <= 'z' {
			return char - 'a' + 'A'
		}
		return char
	}, strings.ToLower(keyword))
}

// Beginnings of lines, and what may follow in them. Ends of heredocs are frequent, so that not all files are refused.
var (
	beginnings = []string{
		"RUN ", "RUN ", "RUN ", "run\t", "COPY ", "ADD ", "ONBUILD RUN ", "ONBUILD COPY ", "FROM a AS b", "FROM c ",
		"CMD ", "HEALTHCHECK CMD ", "EOF", "EOF", "EOF", "EOF", "\tEOF", "E F", "2", "# x", "", " ", "USER x",
		"\u3000COPY ", "  # y", "RUN [\"a\", \"b\"]", "RUN --mount=type=bind,from=a ",
	}
	pieces = []string{
		"<<EOF", "<<EOF", "<<-EOF", " <<EOF", " 0<<EOF", "<<\"EOF\"", "<<'EOF'", "<< EOF", "<<\"E F\"", "<<E\\OF", "<<<EOF",
		"$((1<<2))", "$(( 1 << 2 ))", "${x:-a}", "${x:+<<EOF}", "${x#a}", "${x//a/b}", "${x", "$x", "${", "}", "'", "'", "\"", "\"",
		"\\", "\\\"", "`", " ", "  ", "\t", "\u00a0", "\u3000", "a", "b c", ";", "#", "--from=x ", "--a=\"b c\" ", "[\"a\"]", "\u00e9",
	}
	ends  = []string{"\n", "\n", "\n", "\n", "\n", "\r\n", " \\\n", "\\\n", "\\ \n", "\\\\\n", "`\n", " \n", "\n\n"}
	heads = []string{"", "", "", "", "# escape=`\n", "# syntax=x\n# escape=`\n", "# x\n# escape=`\n", "\ufeff"}
)

func randomFiles(seed int64, count int) []expectation {
	source := rand.New(rand.NewSource(seed))
	pick := func(of []string) string { return of[source.Intn(len(of))] }
	expectations := make([]expectation, 0, count)
	for index := range count {
		text := pick(heads) + "FROM a\n"
		for range 2 + source.Intn(5) {
			text += pick(beginnings)
			for range source.Intn(4) {
				text += pick(pieces)
			}
			text += pick(ends)
		}
		text += strings.Repeat("EOF\n", source.Intn(3))
		expectations = append(expectations, expect(fmt.Sprintf("random %d", index+1), text))
	}
	return expectations
}
