// Prints which paths patterns of ignore files fit, as the matchers of Buildah and of BuildKit have it, as JSON.
// What the unit tests expect is written by
//
//	go run . >../expectations.json
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"math/rand"
	"os"
	"sort"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	buildah "go.podman.io/storage/pkg/fileutils"
)

type row struct {
	Pattern string `json:"pattern"`
	// Fits are those of the paths that the pattern is about.
	Fits []string `json:"fits"`
}

type expectations struct {
	Paths []string `json:"paths"`
	Rows  []row    `json:"rows"`
}

var written = []string{
	"a", "b", "*", "**", "a*", "*a", "*/a", "**/a", "a/**", "a/**/b", "**/a/**", "***", "a**", "a**b", "**a", "a?", "?",
	"?/b", "a/*", "a/*/b", "*.a", ".a", "a.b", "a$", "$a", "a b", "-a", "a_b", "a,b", "README.md", "a/b/c", "**/b/c",
	"a/**/c", "**/*.a", "*/*", "a//b", "./a", "a/", "/a", "/a/b/", " a", "a/../b", "é", "?é", "a~", "#a", "%a", "a=b",
}

var names = []string{"a", "b", "c", "aa", "ab", "ba", "a.b", ".a", "b.a", "a$", "$a", "a b", "-a", "a_b", "a,b", "é", "aé",
	"readme.md", "README.md", "a~", "%a", "a=b", "A"}

func main() {
	random := rand.New(rand.NewSource(1))
	paths := append([]string{}, names...)
	for len(paths) < 120 {
		parts := make([]string, 2+random.Intn(2))
		for i := range parts {
			parts[i] = names[random.Intn(len(names))]
		}
		paths = append(paths, strings.Join(parts, "/"))
	}
	patterns := append([]string{}, written...)
	pieces := []string{"a", "b", "*", "**", "?", "/", "/", ".", "c"}
	for len(patterns) < 160 {
		pattern := ""
		for i := 0; i < 2+random.Intn(5); i++ {
			pattern += pieces[random.Intn(len(pieces))]
		}
		patterns = append(patterns, pattern)
	}
	all := expectations{Paths: unique(paths), Rows: []row{}}
	for _, pattern := range patterns {
		read, err := ignorefile.ReadAll(bytes.NewBufferString(pattern))
		if err != nil {
			log.Fatal(err)
		}
		if len(read) == 0 || strings.HasPrefix(read[0], "!") {
			continue
		}
		one := row{Pattern: pattern, Fits: []string{}}
		for _, path := range all.Paths {
			fits := fitsInBuildah(read, path)
			if isPlain(read[0]) && fits != fitsInBuildKit(read, path) {
				log.Fatalf("Buildah and BuildKit differ: %q, %q", pattern, path)
			}
			if fits {
				one.Fits = append(one.Fits, path)
			}
		}
		all.Rows = append(all.Rows, one)
	}
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	if err := output.Encode(all); err != nil {
		log.Fatal(err)
	}
}

// Two stars are only read alike where they are a name of their own.
func isPlain(pattern string) bool {
	for _, name := range strings.Split(pattern, "/") {
		if name != "**" && strings.Contains(name, "**") {
			return false
		}
	}
	return true
}

func fitsInBuildah(patterns []string, path string) bool {
	matcher, err := buildah.NewPatternMatcher(patterns)
	if err != nil {
		log.Fatal(err)
	}
	fits, err := matcher.IsMatch(path)
	if err != nil {
		log.Fatal(err)
	}
	return fits
}

func fitsInBuildKit(patterns []string, path string) bool {
	fits, err := patternmatcher.MatchesOrParentMatches(path, patterns)
	if err != nil {
		log.Fatal(err)
	}
	return fits
}

func unique(list []string) []string {
	sorted := append([]string{}, list...)
	sort.Strings(sorted)
	kept := sorted[:0]
	for i, one := range sorted {
		if i == 0 || one != sorted[i-1] {
			kept = append(kept, one)
		}
	}
	return kept
}
