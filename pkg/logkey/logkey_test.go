package logkey_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
)

// structured are the methods of a logger that take keys and values, with how many arguments come before those.
var structured = map[string]int{"Debugw": 1, "Infow": 1, "Warnw": 1, "Errorw": 1, "Fatalw": 1, "With": 0}

// unstructured are those that do not: a line of theirs cannot be searched by key.
var unstructured = []string{"Debugf", "Infof", "Warnf", "Errorf", "Debug", "Info", "Warn", "Error"}

// source calls fn with every call in the controller's code, tests left out.
func source(t *testing.T, fn func(file *token.FileSet, call *ast.CallExpr)) {
	t.Helper()
	for _, dir := range []string{"../../pkg", "../../cmd/controller"} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			parsed, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					fn(files, call)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// isLogger tells whether an expression gives a logger: by the names that the code has for it.
func isLogger(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "logger" || x.Name == "log"
	case *ast.SelectorExpr:
		return x.Sel.Name == "logger"
	case *ast.CallExpr:
		selector, ok := x.Fun.(*ast.SelectorExpr)
		return ok && (selector.Sel.Name == "FromContext" || isLogger(selector.X))
	}
	return false
}

// keyOf is the constant of this package that an argument is; empty for anything else.
func keyOf(x ast.Expr) string {
	if selector, ok := x.(*ast.SelectorExpr); ok {
		if name, ok := selector.X.(*ast.Ident); ok && name.Name == "logkey" {
			return selector.Sel.Name
		}
	}
	return ""
}

// Every key of a log line is a constant of this package, and every constant is in use.
func TestLogLinesHaveKnownKeys(t *testing.T) {
	used, lines := map[string]bool{}, 0
	source(t, func(files *token.FileSet, call *ast.CallExpr) {
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if name, plain := call.Fun.(*ast.Ident); plain && name.Name == "known" {
			keysOf(t, files, call.Args, used)
			return
		}
		if !ok || !isLogger(selector.X) {
			return
		}
		at := files.Position(call.Pos())
		if slices.Contains(unstructured, selector.Sel.Name) {
			t.Errorf("%s: %s says nothing by key", at, selector.Sel.Name)
		}
		before, is := structured[selector.Sel.Name]
		if !is {
			return
		}
		lines++
		if before == 1 {
			if text, ok := call.Args[0].(*ast.BasicLit); !ok || text.Kind != token.STRING {
				if name, ok := call.Args[0].(*ast.Ident); !ok || name.Name != "message" {
					t.Errorf("%s: the message is not a constant", at)
				}
			}
		}
		keysOf(t, files, call.Args[before:], used)
	})
	if lines < 15 {
		t.Errorf("only %d log lines were found", lines)
	}
	declared := constants(t)
	for name := range declared {
		if !used[name] {
			t.Errorf("logkey.%s is not used", name)
		}
	}
	var documented, values []string
	for _, k := range logkey.Keys() {
		documented = append(documented, k.Name)
		if k.Meaning == "" {
			t.Errorf("%s has no meaning", k.Name)
		}
	}
	for _, value := range declared {
		values = append(values, value)
	}
	slices.Sort(values)
	slices.Sort(documented)
	if d := cmp.Diff(values, documented); d != "" {
		t.Errorf("constants (-) and table (+): %s", d)
	}
}

// keysOf notes the keys of pairs.
func keysOf(t *testing.T, files *token.FileSet, pairs []ast.Expr, used map[string]bool) {
	t.Helper()
	if len(pairs) == 1 {
		return // known(…)... or entered..., whose keys are seen where they are written
	}
	for i := 0; i < len(pairs); i += 2 {
		name := keyOf(pairs[i])
		if name == "" || i+1 == len(pairs) {
			t.Errorf("%s: a key is a constant of logkey, with a value behind it", files.Position(pairs[i].Pos()))
		}
		used[name] = true
	}
}

// constants are those of this package, by name.
func constants(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "logkey.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok || general.Tok != token.CONST {
			continue
		}
		for _, spec := range general.Specs {
			value := spec.(*ast.ValueSpec)
			text, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			found[value.Names[0].Name] = text
		}
	}
	return found
}

// Text of users and servers is an argument of an event, never its format.
func TestEventsHaveConstantFormats(t *testing.T) {
	events := 0
	source(t, func(files *token.FileSet, call *ast.CallExpr) {
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || (selector.Sel.Name != "Eventf" && selector.Sel.Name != "Event") {
			return
		}
		events++
		format, ok := call.Args[min(3, len(call.Args)-1)].(*ast.BasicLit)
		if selector.Sel.Name == "Event" || !ok || format.Value != `"%s"` {
			t.Errorf("%s: an event is recorded with Eventf and the format %%s", files.Position(call.Pos()))
		}
	})
	if events < 4 {
		t.Errorf("only %d events were found", events)
	}
}
