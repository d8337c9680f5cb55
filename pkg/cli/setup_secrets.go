package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// maxSecretBytes bounds what is read of a file with a credential.
const maxSecretBytes = 256 << 10

// secretFlag says where a credential is. It is never a value of the command line, which other users of the machine and the
// shell's history see.
type secretFlag struct {
	name      string
	file, env string
}

// addFlags adds --NAME-file and --NAME-env.
func (f *secretFlag) addFlags(cmd *cobra.Command, name, what string) {
	f.addFileFlag(cmd, name, what)
	cmd.Flags().StringVar(&f.env, name+"-env", "", "name of the environment `variable` that holds the "+what)
	cmd.MarkFlagsMutuallyExclusive(name+"-file", name+"-env")
}

// addFileFlag adds --NAME-file.
func (f *secretFlag) addFileFlag(cmd *cobra.Command, name, what string) {
	f.name = name
	cmd.Flags().StringVar(&f.file, name+"-file", "", "`file` with the "+what+", - for standard input")
}

func (f *secretFlag) given() bool     { return f.file != "" || f.env != "" }
func (f *secretFlag) fromInput() bool { return f.file == "-" }

// read gives the credential, nil when none is named. One that is named and empty is an error.
func (f *secretFlag) read(s *session) ([]byte, error) {
	var data []byte
	var err error
	switch {
	case f.env != "":
		if s.streams.Env != nil {
			data = []byte(s.streams.Env(f.env))
		}
	case f.fromInput():
		data, err = io.ReadAll(io.LimitReader(s.streams.In, maxSecretBytes+1))
	case f.file != "":
		data, err = readBounded(f.file, maxSecretBytes)
	default:
		return nil, nil
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the value of --%s-file: %w", f.name, err)
	case len(data) > maxSecretBytes:
		return nil, fmt.Errorf("the value of --%s-file has more than %d bytes", f.name, maxSecretBytes)
	case len(bytes.TrimSpace(data)) == 0 && f.env != "":
		return nil, fmt.Errorf("--%s-env: the environment variable %s is empty or not set", f.name, f.env)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, fmt.Errorf("--%s-file: there is nothing in it", f.name)
	}
	return data, nil
}

// readBounded reads at most limit bytes of a file, and one more where it has more.
func readBounded(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // the file that the command line names
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, limit+1))
}
