package cli

import (
	"encoding/json"
	"time"
)

// logLine is a line of a log for tools. Its fields keep their meaning.
type logLine struct {
	Time time.Time `json:"time"`
	// Run and Task are empty in what is about a PipelineRun.
	Run  string `json:"run,omitempty"`
	Task string `json:"task,omitempty"`
	// Event is a phase, the reason of an end, or "commit", "pull request" or "next": what to do after a failure.
	Event string `json:"event"`
	// State is running, done or failed.
	State   string `json:"state,omitempty"`
	Message string `json:"message,omitempty"`
}

func (l line) forTools() logLine {
	states := map[string]string{markRunning: "running", markDone: "done", markFailed: "failed"}
	return logLine{Time: l.at.UTC(), Run: l.run, Task: l.task, Event: l.what, State: states[l.mark], Message: l.text}
}

// writeLines writes a log: as text, as one JSON object for each line, or as one YAML document for each.
func (s *session) writeLines(lines []line, output string) error {
	zone := s.streams.Clock.Now().Location()
	for _, l := range lines {
		text, err := "", error(nil)
		switch output {
		case outputJSON:
			text, err = jsonLine(l.forTools())
		case outputYAML:
			if text, err = jsonLine(l.forTools()); err == nil {
				text, err = toYAML(text)
			}
			text = "---\n" + text
		default:
			text = l.format(s.paint(), zone) + "\n"
		}
		if err != nil {
			return err
		}
		if err := writeTo(s.streams.Out, text); err != nil {
			return err
		}
	}
	return nil
}

func jsonLine(l logLine) (string, error) {
	text, err := json.Marshal(l)
	return escaped(string(text)) + "\n", err
}
