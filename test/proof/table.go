package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// section is a heading of the table's file with a table below it.
type section struct {
	name string
	// letter begins the ids of its rows.
	letter string
	// cases is how many numbers its ids have at least, so that the last one cannot get lost unseen.
	cases int
}

var sections = []section{
	{"Manifests", "M", 8},
	{"Git", "G", 9},
	{"Lock", "L", 10},
	{"Argo CD", "A", 27},
	{"Pull request", "P", 15},
	{"Process", "X", 11},
}

// header is the first line of each table, and the only form of a table in the file.
var header = []string{"id", "case", "expected", "level", "tests"}

// row is one scenario.
type row struct {
	id, section   string
	levels        string // of P, G, S, H and C
	tests         []test
	text, outcome string
}

// test is a Go test.
type test struct {
	// pkg is the package's directory below the root of the repository.
	pkg string
	// name has the names of subtests behind slashes, as go test prints them.
	name string
}

func (t test) String() string { return t.pkg + " " + t.name }

// readTable reads the rows. What is wrong with the form of a line is a problem that names the line; the other lines are
// read nevertheless.
func readTable(from io.Reader) (rows []row, problems []string, err error) {
	lines, number, heading := bufio.NewScanner(from), 0, ""
	for lines.Scan() {
		number++
		line := strings.TrimSpace(lines.Text())
		if name, ok := strings.CutPrefix(line, "## "); ok {
			heading = name
		}
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| ---") {
			continue
		}
		cells := split(line)
		if slices.Equal(cells, header) {
			continue
		}
		r, wrong := parseRow(heading, cells)
		for _, w := range wrong {
			problems = append(problems, fmt.Sprintf("line %d: %s", number, w))
		}
		if r.id != "" {
			rows = append(rows, r)
		}
	}
	return rows, append(problems, misnumbered(rows)...), lines.Err()
}

// split gives the cells of a line of a table. A cell writes a bar as \|.
func split(line string) []string {
	const bar = "\x00"
	line = strings.ReplaceAll(line, `\|`, bar)
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(strings.ReplaceAll(cell, bar, "|"))
	}
	return cells
}

var (
	idForm    = regexp.MustCompile(`^([A-Z])([1-9][0-9]*)([a-z]?)$`)
	levelForm = regexp.MustCompile(`^[PGSHC]( [PGSHC])*$`)
	testForm  = regexp.MustCompile("`([^` ]+) ((?:Test|Fuzz)[^`]*)`")
)

func parseRow(heading string, cells []string) (r row, problems []string) {
	if len(cells) != len(header) {
		return row{}, []string{fmt.Sprintf("%d cells, want %d: a bar inside a cell is written \\|", len(cells), len(header))}
	}
	at := slices.IndexFunc(sections, func(s section) bool { return s.name == heading })
	if at < 0 {
		return row{}, []string{fmt.Sprintf("%s is below the heading %q, which has no table", cells[0], heading)}
	}
	id := idForm.FindStringSubmatch(cells[0])
	if id == nil || id[1] != sections[at].letter {
		return row{}, []string{fmt.Sprintf("unknown id %q: below %s ids are %s1, %[3]s2a, %[3]s2b", cells[0], heading, sections[at].letter)}
	}
	r = row{id: cells[0], section: heading, text: cells[1], outcome: cells[2], levels: strings.ReplaceAll(cells[3], " ", "")}
	if r.text == "" || r.outcome == "" {
		problems = append(problems, r.id+": case and expected must not be empty")
	}
	if !levelForm.MatchString(cells[3]) {
		problems = append(problems, fmt.Sprintf("%s: level %q: write P, G, S, H or C, or several with blanks between them", r.id, cells[3]))
	}
	for _, found := range testForm.FindAllStringSubmatch(cells[4], -1) {
		// go test writes a subtest's blanks as underscores.
		t := test{pkg: found[1], name: strings.ReplaceAll(found[2], " ", "_")}
		if slices.Contains(r.tests, t) {
			problems = append(problems, fmt.Sprintf("%s: names %s twice", r.id, t))
		}
		r.tests = append(r.tests, t)
	}
	if rest := strings.TrimSpace(strings.ReplaceAll(testForm.ReplaceAllString(cells[4], ""), "<br>", "")); rest != "" {
		problems = append(problems, fmt.Sprintf("%s: tests are written `folder TestName/subtest`, with <br> between them; this is no test: %s", r.id, rest))
	}
	return r, problems
}

// misnumbered finds ids that are there twice, and gaps: a row that somebody takes out leaves one.
func misnumbered(rows []row) (problems []string) {
	before := map[string]string{}
	for _, r := range rows {
		last := before[r.section]
		if !follows(last, r.id) {
			problems = append(problems, fmt.Sprintf("%s: follows %q: ids go on without gaps, and none is there twice", r.id, last))
		}
		before[r.section] = r.id
	}
	return problems
}

// follows tells whether an id may come after another one: after A2 comes A3 or A3a; after A3a comes A3b.
func follows(before, id string) bool {
	number, letter := numbered(id)
	lastNumber, lastLetter := numbered(before)
	if number == lastNumber {
		return lastLetter != "" && letter == string(lastLetter[0]+1)
	}
	return number == lastNumber+1 && (letter == "" || letter == "a")
}

func numbered(id string) (number int, letter string) {
	if found := idForm.FindStringSubmatch(id); found != nil {
		_, _ = fmt.Sscan(found[2], &number) // the form has only digits there
		letter = found[3]
	}
	return number, letter
}

// complete finds sections that end too early.
func complete(rows []row, wanted []section) (problems []string) {
	for _, s := range wanted {
		last := 0
		for _, r := range rows {
			if r.section == s.name {
				last, _ = numbered(r.id)
			}
		}
		if last < s.cases {
			problems = append(problems, fmt.Sprintf("%s ends with %s%d, want at least %[2]s%[4]d", s.name, s.letter, last, s.cases))
		}
	}
	return problems
}
