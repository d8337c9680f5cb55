package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// unknown finds the tests of a table that the source does not have: the function, whatever its build tags; subtests have
// no names before they run. root is that of the repository.
func unknown(root string, rows []row) (problems []string, err error) {
	declared := map[string]map[string]bool{}
	for _, r := range rows {
		for _, t := range r.tests {
			if declared[t.pkg] == nil {
				if declared[t.pkg], err = functions(filepath.Join(root, filepath.FromSlash(t.pkg))); err != nil {
					return nil, err
				}
			}
			if function, _, _ := strings.Cut(t.name, "/"); !declared[t.pkg][function] {
				problems = append(problems, fmt.Sprintf("%s: %s has no %s", r.id, t.pkg, function))
			}
		}
	}
	return problems, nil
}

// functions are the names of the functions in the test files of a directory.
func functions(dir string) (map[string]bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
	}
	return names, nil
}
