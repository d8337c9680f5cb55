package customrun

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// contract lists what Tekton and the controller framework demand of whoever reconciles CustomRuns, and the tests that
// hold us to it: those of this package, and, with the prefix e2e, those next to Tekton's own controller.
var contract = []struct {
	rule  string
	tests []string
}{
	{"only runs of our exact apiVersion and kind are ours, by reference and embedded", []string{"OnlyOurExactKindIsOurs", "ForeignRunsAreNeverWritten", "e2e.RunsOfOtherKindsAreNotTouched"}},
	{"a promoted leader does not touch the runs of other controllers", []string{"PromotionLeavesForeignRunsAlone"}},
	{"a run that has ended stays as it is; only observedGeneration follows", []string{"FinishedRunKeepsItsStatus", "e2e.FinishedRunThatIsCancelledStaysAsItIs", "e2e.CancelledPipelineRun"}},
	{"the first status has a start time, and a reason and message of ours", []string{"FirstReconcileSaysWhoWorksOnTheRun"}},
	{"there is one condition, and its reasons are documented", []string{"ConditionIsTheOnlyOne", "TransitionTimeMovesWithTheReasonOnly", "TerminalErrorsEndTheRunWithTheirReason", "e2e.FailureIsSeenInFinallyAndMayBePassedOver"}},
	{"a cancellation ends with Tekton's reason and the given message, before the start too", []string{"CancelledRunEndsWithTektonsReason", "CancelledInEachPhaseLeavesNoLock", "e2e.CancelledPipelineRun"}},
	{"the timeout of a PipelineRun is a cancellation for us", []string{"CancelledRunEndsWithTektonsReason", "e2e.PipelineRunThatTimesOut"}},
	{"our own timeout: sixty minutes when none is given, never when it is zero", []string{"RunTimesOutCountingFromItsStartTime", "TimedOutInEachPhaseLeavesNoLock", "e2e.TimeoutAndRetriesOfTheTaskAreOurs"}},
	{"deadlines count from the stored start time; what remains is asked for again", []string{"WaitingRunAsksForTheRestOfItsTime"}},
	{"retries are filed in retriesStatus; a cancellation or a user's mistake is not retried", []string{"RetriesBeginAgainUntilTheyAreUsedUp", "SomeEndsAreNotRetried", "FailureOfACancelledRunIsNotRetried", "e2e.TimeoutAndRetriesOfTheTaskAreOurs"}},
	{"all results are written with the end, on failure too", []string{"RunsThatCannotBeUnderstoodFailAtOnce", "ResultsOfARun", "e2e.FailureIsSeenInFinallyAndMayBePassedOver", "e2e.PipelineUsesTheTaskInItsThreeForms"}},
	{"no result looks like an array by accident, and no name has a dot", []string{"ResultsOfARun"}},
	{"parameters are strings, arrays and objects, taken as they are", []string{"ParametersOfEveryTypeReachTheRequest", "RunsThatCannotBeUnderstoodFailAtOnce"}},
	{"an embedded spec is decoded strictly, and an empty one reads back as null", []string{"RunsThatCannotBeUnderstoodFailAtOnce", "e2e.PipelineUsesTheTaskInItsThreeForms"}},
	{"a name has to resolve; resolvers, bundles and unknown parameters are refused", []string{"RunsThatCannotBeUnderstoodFailAtOnce"}},
	{"workspaces are refused with Tekton's reason", []string{"RunsThatCannotBeUnderstoodFailAtOnce"}},
	{"a user's mistake ends the run; a transient error backs off, returns nothing and makes no event", []string{"TransientErrorMakesNoEvent", "TransientErrorsBackOffAndAreShownWhenTheyLast", "StatusThatCannotBeWrittenIsTriedAgainSilently", "EverySentinelHasAReasonOrIsTransientOnPurpose"}},
	{"an edit of the run, its definition or the defaults does not reach a run that has started", []string{"EditsDoNotReachARunThatHasStarted"}},
	{"what we create is owned by its run and checked by UID", []string{"LeaseIsOwnedByItsRun", "LockOfARunOfTheSameNameIsNotOurs", "HoldersAreProvenByLiveReads", "e2e.DeletedRunIsStartedAgainUnderTheSameName"}},
	{"creating twice is recognised", []string{"LeaseThatAppearsMeanwhileIsLookedAt", "RecordIsWrittenOnce"}},
	{"a status is written once, at the version that was read; a newer checkpoint is never overwritten", []string{"ConflictEndsTheReconcileAndLeavesTheNewerStatus", "FrameworkWritesNothingBesides", "StaleRunTakesNoLock", "StaleStatusesHaveNoEffect"}},
	{"events come on changes only, and no text of others is a format string", []string{"PercentSignsSurvive", "TextOfOthersIsBounded"}},
	{"our state is in extraFields, and bounded", []string{"StateIsUnderOneKeyOfExtraFields", "CheckpointIsBounded", "StateThatDoesNotFitEndsTheRunAndReleasesItsLock", "RequestIsTooLargeForAStatus"}},
	{"no finalizer: removing the controller strands no run", []string{"FirstReconcileSaysWhoWorksOnTheRun", "FrameworkWritesNothingBesides"}},
	{"onError and matrix work: each run stands for itself", []string{"e2e.FailureIsSeenInFinallyAndMayBePassedOver", "e2e.MatrixDeploysEachEnvironment"}},
}

func TestEveryRuleOfTheContractHasItsTests(t *testing.T) {
	here, beside := testsIn(t, "."), testsIn(t, filepath.Join("..", "..", "..", "test", "e2e"))
	for _, c := range contract {
		if len(c.tests) == 0 {
			t.Errorf("nothing tests that %s", c.rule)
		}
		for _, name := range c.tests {
			known := here
			short, isE2E := strings.CutPrefix(name, "e2e.")
			if isE2E {
				known = beside
			}
			if !slices.Contains(known, "Test"+short) {
				t.Errorf("%s: there is no test %s", c.rule, name)
			}
		}
	}
}

// testsIn lists the tests of a directory.
func testsIn(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Test") {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}
