package argocd

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxNamed is how many resources or failures a message names.
const maxNamed = 5

// at returns the element, "" outside the list.
func at(list []string, i int) string {
	if i < 0 || i >= len(list) {
		return ""
	}
	return list[i]
}

// short abbreviates a commit for people.
func short(revision string) string {
	if len(revision) == 40 && commitSHA.MatchString(revision) {
		return revision[:8]
	}
	return revision
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func hasCondition(o Observation, kind string) bool {
	for _, c := range o.Conditions {
		if c.Type == kind {
			return true
		}
	}
	return false
}

// comparisonErrors are what keeps Argo CD from comparing.
func comparisonErrors(o Observation) []string {
	var all []string
	for _, c := range o.Conditions {
		if c.Type == ConditionComparisonError || c.Type == ConditionInvalidSpecError {
			all = append(all, c.Message)
		}
	}
	return all
}

// gaveUp reports whether Argo CD answers with a failure that it has cached.
func gaveUp(o Observation) bool {
	for _, message := range comparisonErrors(o) {
		if says(message, textGaveUp) {
			return true
		}
	}
	return false
}

// comparisonError joins the errors, "" when there is none. It reads the same
// whether the failure is cached or not.
func comparisonError(o Observation) string {
	return clip(cachedPrefix.ReplaceAllString(strings.Join(comparisonErrors(o), "; "), ""), maxMessage)
}

var cachedPrefix = regexp.MustCompile("(?i)" + regexp.QuoteMeta(textGaveUp) + ": ")

// operationKey tells one operation from the next. Argo CD gives them no ID.
func operationKey(op *Operation) string {
	return fmt.Sprintf("%s/%d/%s/%s/%s", op.Run, op.Attempt, op.Started.UTC().Format(time.RFC3339), op.Finished.UTC().Format(time.RFC3339), op.Phase)
}

// failedOperation is the verdict of Argo CD on the last operation.
func failedOperation(o Observation) error {
	var failed []string
	for _, r := range o.Operation.Failed {
		failed = append(failed, withMessage(r.String(), r.Message))
	}
	text := o.Operation.Message
	if len(failed) > 0 {
		text = strings.TrimSuffix(text, ".") + ": " + list(failed, maxNamed)
	}
	return fmt.Errorf("application %s: %w: %s", o.App, ErrSyncFailed, clip(text, 2*maxMessage))
}

// failedSync says what is out of sync and what usually is the reason.
func failedSync(o Observation, what string) error {
	var prune, other []string
	for _, r := range o.Resources {
		switch {
		case r.NeedPrune:
			prune = append(prune, r.String())
		case r.Sync != synced:
			other = append(other, r.String())
		}
	}
	var why []string
	if len(prune) > 0 {
		why = append(why, list(prune, maxNamed)+" must be pruned (allow it with sync.prune, or delete it)")
	}
	if len(other) > 0 {
		why = append(why, list(other, maxNamed)+" differs from the repository (does a webhook or another controller change it? see ignoreDifferences)")
	}
	if len(why) == 0 {
		why = append(why, "Argo CD names no resource")
	}
	return fmt.Errorf("application %s: %w: %s: %s", o.App, ErrSyncFailed, what, strings.Join(why, "; "))
}

// onlyPruneIsLeft tells whether all that is OutOfSync waits to be pruned.
func onlyPruneIsLeft(o Observation) bool {
	left := false
	for _, r := range o.Resources {
		switch {
		case r.NeedPrune:
			left = true
		case r.Sync == outOfSync:
			return false
		}
	}
	return left
}

func withMessage(name, message string) string {
	if message == "" {
		return name
	}
	return name + " (" + clip(message, 200) + ")"
}

// Unhealthy names the resources whose health is not Healthy, at most 20, for
// Goal.Unhealthy.
func (o Observation) Unhealthy() []string {
	var names []string
	for _, r := range o.Resources {
		if r.Health != "" && r.Health != healthy && len(names) < 20 {
			names = append(names, r.String())
		}
	}
	return names
}
