package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"
)

// config is the server's configuration: defaults, then the file, then flags. Names are TiDB's.
type config struct {
	Host            string `toml:"host"`
	Port            int    `toml:"port"`
	Path            string `toml:"path"`
	TmpStoragePath  string `toml:"tmp-storage-path"`
	TmpStorageQuota int64  `toml:"tmp-storage-quota"` // bytes; <= 0: none
	// TmpStorageInMemory accepts a tmpfs for temporary storage.
	TmpStorageInMemory bool `toml:"tmp-storage-in-memory"`
	// TmpStorageWithData: nobody has set TmpStoragePath, it is in Path.
	TmpStorageWithData bool `toml:"-"`

	Status struct {
		ReportStatus bool   `toml:"report-status"`
		Host         string `toml:"status-host"`
		Port         int    `toml:"status-port"`
	} `toml:"status"`

	Log struct {
		Level string `toml:"level"`
		File  struct {
			Filename string `toml:"filename"`
		} `toml:"file"`
	} `toml:"log"`

	Performance struct {
		// AdmissionTimeout is how long a statement waits for its minimum, in seconds.
		AdmissionTimeoutSeconds int `toml:"admission-timeout"`
	} `toml:"performance"`

	Security struct {
		SSLCert string `toml:"ssl-cert"`
		SSLKey  string `toml:"ssl-key"`
		SSLCA   string `toml:"ssl-ca"`
		AutoTLS bool   `toml:"auto-tls"`
	} `toml:"security"`

	// Variables are initial values of global system variables; a value that SET GLOBAL stored wins over them.
	Variables map[string]any `toml:"variables"`

	set settings // --set: wins over everything
}

// settings collects --set name=value.
type settings []string

func (s *settings) String() string { return strings.Join(*s, ",") }

func (s *settings) Set(v string) error {
	if name, _, ok := strings.Cut(v, "="); !ok || strings.TrimSpace(name) == "" {
		return fmt.Errorf("want name=value, got %q", v)
	}
	*s = append(*s, v)
	return nil
}

func defaultConfig() *config {
	c := &config{Host: "127.0.0.1", Port: 4000, Path: "./spillway-data", TmpStorageQuota: -1}
	c.Status.ReportStatus, c.Status.Host, c.Status.Port = true, "127.0.0.1", 10080
	c.Log.Level = "info"
	c.Performance.AdmissionTimeoutSeconds = 60
	c.Security.AutoTLS = true
	return c
}

// parseConfig reads the flags, and before them the file that --config names.
func parseConfig(args []string, errs io.Writer) (*config, error) {
	c := defaultConfig()
	var file string
	flags := flag.NewFlagSet("spillway serve", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&file, "config", "", "configuration `file` (TOML)")
	flags.StringVar(&c.Host, "host", c.Host, "`address` to listen on")
	flags.IntVar(&c.Port, "port", c.Port, "`port` to listen on; 0: any free one")
	flags.IntVar(&c.Status.Port, "status-port", c.Status.Port,
		"`port` of /status, /metrics and /debug/pprof; 0: any, -1: none")
	flags.StringVar(&c.Path, "path", c.Path, "data `directory`")
	flags.StringVar(&c.TmpStoragePath, "tmp-storage-path", "", "`directory` of temporary storage (default: PATH/tmp)")
	flags.StringVar(&c.Log.File.Filename, "log-file", "", "log `file` (default: standard error)")
	flags.Var(&c.set, "set", "initial value of a system variable, `name=value`; repeatable")
	// Flags win over the file: they are parsed once to find it, and again after it.
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if file != "" {
		fromFlags := c.set
		*c = *defaultConfig()
		if err := c.read(file); err != nil {
			return nil, err
		}
		c.set = fromFlags[:0]
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
	}
	if c.TmpStoragePath == "" {
		c.TmpStoragePath = filepath.Join(c.Path, "tmp")
		c.TmpStorageWithData = true
	}
	var err error
	if c.TmpStoragePath, err = filepath.Abs(c.TmpStoragePath); err != nil {
		return nil, err
	}
	if c.Port < 0 || c.Port > 65535 || c.Status.Port < -1 || c.Status.Port > 65535 {
		return nil, fmt.Errorf("port out of range")
	}
	return c, nil
}

// read reads a TOML file over c. An unknown name is an error: a misspelled limit must not be no limit.
func (c *config) read(file string) error {
	meta, err := toml.DecodeFile(file, c)
	if err != nil {
		return fmt.Errorf("configuration file: %w", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		names := make([]string, len(unknown))
		for i, k := range unknown {
			names[i] = k.String()
		}
		return fmt.Errorf("configuration file %s has unknown names: %s", file, strings.Join(names, ", "))
	}
	return nil
}

// variables are the initial values of system variables in a fixed order: the file's by name, then those of --set.
func (c *config) variables() [][2]string {
	names := make([]string, 0, len(c.Variables))
	for name := range c.Variables {
		names = append(names, name)
	}
	sort.Strings(names)
	var out [][2]string
	for _, name := range names {
		value := fmt.Sprint(c.Variables[name])
		if b, ok := c.Variables[name].(bool); ok {
			value = map[bool]string{true: "ON", false: "OFF"}[b]
		}
		out = append(out, [2]string{strings.ToLower(name), value})
	}
	for _, v := range c.set {
		name, value, _ := strings.Cut(v, "=")
		out = append(out, [2]string{strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)})
	}
	return out
}

func (c *config) logLevel() (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(c.Log.Level)); err != nil {
		return 0, fmt.Errorf("log level: %w", err)
	}
	return l, nil
}

// openLog opens the log's file, or gives standard error.
func (c *config) openLog() (io.WriteCloser, error) {
	if c.Log.File.Filename == "" {
		return nopCloser{os.Stderr}, nil
	}
	return os.OpenFile(c.Log.File.Filename, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
