// Gitea is Gitea with a database driver that needs no C compiler. Its own
// driver of SQLite is C; this one is the same SQLite, translated to Go.
package main

import (
	"database/sql"
	"database/sql/driver"
	"os"
	"strings"
	"time"

	"code.gitea.io/gitea/cmd"
	"code.gitea.io/gitea/modules/log"
	_ "code.gitea.io/gitea/modules/markup/markdown" // the type of all descriptions and comments
	"code.gitea.io/gitea/modules/setting"
	"github.com/urfave/cli/v3"
	"modernc.org/sqlite"
)

// version is set by the linker. Clients ask the server for it, and leave out
// what they think is newer.
var version string

func main() {
	sql.Register("sqlite3", sqliteDriver{&sqlite.Driver{}})
	setting.EnableSQLite3 = true
	setting.SupportedDatabaseTypes = append(setting.SupportedDatabaseTypes, "sqlite3")
	setting.AppVer = version
	setting.AppStartTime = time.Now().UTC()
	cli.OsExiter = func(code int) {
		log.GetManager().Close()
		os.Exit(code)
	}
	_ = cmd.RunMainApp(cmd.NewMainApp(cmd.AppVersion{Version: version}), os.Args...) // it has said what is wrong
	log.GetManager().Close()
}

// sqliteDriver understands what Gitea writes behind the name of the database.
type sqliteDriver struct{ driver.Driver }

func (d sqliteDriver) Open(name string) (driver.Conn, error) {
	return d.Driver.Open(dataSource(name))
}

// dataSource translates the parameters of the C driver. A cache that is shared
// by the connections would answer "table is locked" where files only wait. The
// disk is not waited for: nothing outlives the program that runs this one.
func dataSource(name string) string {
	path, parameters, _ := strings.Cut(name, "?")
	translated := []string{"_pragma=synchronous(off)"}
	for p := range strings.SplitSeq(parameters, "&") {
		key, value, _ := strings.Cut(p, "=")
		switch key {
		case "cache":
		case "_busy_timeout":
			translated = append(translated, "_pragma=busy_timeout("+value+")")
		case "_journal_mode":
			translated = append(translated, "_pragma=journal_mode("+value+")")
		default:
			translated = append(translated, p)
		}
	}
	return path + "?" + strings.Join(translated, "&")
}
