package setup

import (
	"encoding/csv"
	"regexp"
	"slices"
	"strings"
)

// policyLines are lines of Argo CD's policy.csv.
type policyLines [][]string

// grants are what an account needs to deploy the applications of projects: to see them and to sync them, and, where that
// is wanted, to restart their workloads.
func grants(account, role string, projects []string, restart bool) policyLines {
	verbs := []string{"get", "sync"}
	if restart {
		verbs = append(verbs, "action/apps/Deployment/restart", "action/apps/StatefulSet/restart", "action/apps/DaemonSet/restart",
			"action/argoproj.io/Rollout/restart")
	}
	var lines policyLines
	for _, project := range projects {
		for _, verb := range verbs {
			lines = append(lines, []string{"p", role, "applications", verb, project + "/*", "allow"})
		}
	}
	return append(lines, []string{"g", account, role})
}

// anchored are lines of grants for a policy of regular expressions (policy.matchMode: regex). Argo CD looks for them anywhere in
// a text, so that without anchors applications matches applicationsets as well, and apps/* the project webapps.
func (l policyLines) anchored() policyLines {
	var lines policyLines
	for _, line := range l {
		if line = slices.Clone(line); line[0] == "p" {
			project := strings.TrimSuffix(line[4], "/*")
			line[2], line[3], line[4] = "^"+line[2]+"$", "^"+regexp.QuoteMeta(line[3])+"$", "^"+project+"/.*$"
		}
		lines = append(lines, line)
	}
	return lines
}

// parsePolicy reads lines as Argo CD does (util/rbac/rbac.go, loadPolicyLine). A line that it could not read says nothing.
func parsePolicy(text string) policyLines {
	var lines policyLines
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		reader := csv.NewReader(strings.NewReader(line))
		reader.TrimLeadingSpace = true
		fields, err := reader.Read()
		if err != nil {
			continue
		}
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		lines = append(lines, fields)
	}
	return lines
}

func (l policyLines) has(line []string) bool {
	return slices.ContainsFunc(l, func(there []string) bool { return slices.Equal(there, line) })
}

// without are the lines that others lack.
func (l policyLines) without(others policyLines) policyLines {
	return slices.DeleteFunc(slices.Clone(l), others.has)
}

// others are those besides the account who have its role.
func (l policyLines) others(account, role string) []string {
	var names []string
	for _, line := range l {
		if len(line) == 3 && line[0] == "g" && line[2] == role && line[1] != account {
			names = append(names, line[1])
		}
	}
	return names
}

// inherited are the roles whose rights a role has besides its own.
func (l policyLines) inherited(role string) []string {
	var roles []string
	for _, line := range l {
		if len(line) == 3 && line[0] == "g" && line[1] == role {
			roles = append(roles, line[2])
		}
	}
	return roles
}

func (l policyLines) strings() []string {
	var lines []string
	for _, fields := range l {
		lines = append(lines, strings.Join(fields, ", "))
	}
	return lines
}

// appendPolicy adds lines behind a text, of which every byte stays.
func appendPolicy(text string, lines policyLines) string {
	if len(lines) == 0 {
		return text
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + strings.Join(lines.strings(), "\n") + "\n"
}
