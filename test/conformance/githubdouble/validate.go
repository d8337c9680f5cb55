package githubdouble

import (
	"bytes"
	"context"
	_ "embed" // the description
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

//go:embed testdata/rest.json
var restDescription []byte

// description is GitHub's own description of the part of its API that the double has.
type description struct {
	router  routers.Router
	options *openapi3filter.Options
}

// call is a request that the description knows.
type call struct {
	operation string // pulls/list
	template  string // /repos/{owner}/{repo}/pulls
	variables map[string]string
	input     *openapi3filter.RequestValidationInput
}

func loadDescription(ctx context.Context) (*description, error) {
	document, err := openapi3.NewLoader().LoadFromData(restDescription)
	if err != nil {
		return nil, err
	}
	document.Servers = openapi3.Servers{{URL: prefix}}
	if err := document.Validate(ctx); err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(document)
	if err != nil {
		return nil, err
	}
	return &description{router: router, options: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		// Defaults that are filled in would hide what the client sent.
		SkipSettingDefaults: true,
		MultiError:          true,
	}}, nil
}

// route finds the operation of a request.
func (d *description) route(r *http.Request) (*call, error) {
	route, variables, err := d.router.FindRoute(r)
	if err != nil {
		return nil, fmt.Errorf("%s %s is not among the operations that the double has (see openapi/rest.go): %w", r.Method, r.URL.Path, err)
	}
	// Names with a slash come encoded.
	for name, value := range variables {
		if variables[name], err = url.PathUnescape(value); err != nil {
			return nil, err
		}
	}
	return &call{
		operation: route.Operation.OperationID,
		template:  strings.ReplaceAll(route.Path, ":.+}", "}"),
		variables: variables,
		input: &openapi3filter.RequestValidationInput{
			Request: r, PathParams: variables, Route: route, Options: d.options,
		},
	}, nil
}

// checkRequest holds a request to the description. It is stricter than GitHub, who overlooks what it does not know: a
// query parameter, or a field of the body, that is not described is a mistake of the client.
func (d *description) checkRequest(ctx context.Context, c *call, body []byte) error {
	r := c.input.Request
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := openapi3filter.ValidateRequest(ctx, c.input); err != nil {
		return err
	}
	parameters := c.input.Route.Operation.Parameters
	for name := range r.URL.Query() {
		if parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return fmt.Errorf("query parameter %s is not one of %s", name, c.operation)
		}
	}
	described := c.input.Route.Operation.RequestBody
	if described == nil && len(body) > 0 {
		return errors.New("a body, where none is described")
	}
	if described == nil || !bytes.HasPrefix(body, []byte("{")) {
		return nil
	}
	fields, known := map[string]any{}, knownFields(described.Value.Content.Get("application/json").Schema.Value)
	if err := decode(body, &fields); err != nil {
		return err
	}
	for name := range fields {
		if !slices.Contains(known, name) {
			return fmt.Errorf("field %s is not one of the body of %s", name, c.operation)
		}
	}
	return nil
}

func knownFields(s *openapi3.Schema) []string {
	var names []string
	for name := range s.Properties {
		names = append(names, name)
	}
	for _, form := range slices.Concat(s.OneOf, s.AnyOf, s.AllOf) {
		names = append(names, knownFields(form.Value)...)
	}
	return names
}

// checkResponse holds an answer of the double to the description. A status that is not described may be one of those that
// GitHub gives everywhere.
func (d *description) checkResponse(ctx context.Context, c *call, a answer, body []byte) error {
	everywhere := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone}
	if c.input.Route.Operation.Responses.Status(a.status) == nil && !slices.Contains(everywhere, a.status) {
		return fmt.Errorf("status %d is not described for %s", a.status, c.operation)
	}
	return openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: c.input,
		Status:                 a.status,
		Header:                 a.header,
		Body:                   io.NopCloser(bytes.NewReader(body)),
		Options:                d.options,
	})
}
