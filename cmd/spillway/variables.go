package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/server"
)

// memoryLimitName is the variable of the process's memory.
const memoryLimitName = "tidb_server_memory_limit"

// variablePrefix begins the keys of stored global variables.
const variablePrefix = "var/"

// persist keeps a SET GLOBAL.
func (a *app) persist(name, value string) error {
	if a.catalog == nil {
		return nil
	}
	return a.catalog.MetaApply(context.Background(), catalog.Pair{Key: variablePrefix + name, Value: []byte(value)})
}

// fixedVariables are those whose stored values do not count: what the command line says, and the memory limit also if
// the configuration file has it, for who starts a server with less memory must get it.
func (c *config) fixedVariables() map[string]bool {
	fixed := make(map[string]bool)
	for _, v := range c.set {
		name, _, _ := strings.Cut(v, "=")
		fixed[strings.ToLower(strings.TrimSpace(name))] = true
	}
	for name := range c.Variables {
		if strings.EqualFold(name, memoryLimitName) {
			fixed[memoryLimitName] = true
		}
	}
	return fixed
}

// loadVariables sets what SET GLOBAL stored, but for fixedVariables.
func (a *app) loadVariables(ctx context.Context) error {
	fixed := a.config.fixedVariables()
	pairs, err := a.catalog.MetaList(ctx, variablePrefix)
	if err != nil {
		return fmt.Errorf("stored variables: %w", err)
	}
	for _, p := range pairs {
		name := strings.TrimPrefix(p.Key, variablePrefix)
		if fixed[name] {
			a.log.Info("stored variable is not used, the start says otherwise", "name", name, "value", string(p.Value))
			continue
		}
		if err := a.globals.Load(name, string(p.Value)); err != nil {
			a.log.Warn("stored variable is not used", "name", name, "value", string(p.Value), "error", err)
		}
	}
	limit, err := a.memoryLimit()
	if err != nil {
		return err
	}
	return a.applyLimit(limit)
}

// variableChanged puts a SET GLOBAL into effect where that needs more than reading the variable.
func (a *app) variableChanged(name, _ string) {
	if name != memoryLimitName || a.pool == nil {
		return
	}
	limit, err := a.memoryLimit()
	if err == nil {
		err = a.applyLimit(limit)
	}
	if err != nil {
		a.log.Error("memory limit stays as it was", "limit", a.budget.Limit, "error", err)
	}
}

// applyLimit divides a new limit. Heap and storage keep the sizes they were started with; pages get the difference.
func (a *app) applyLimit(limit int64) error {
	if limit == a.budget.Limit {
		return nil
	}
	b, err := memory.BudgetFor(limit)
	if err != nil {
		return err
	}
	pages := limit - a.budget.Heap - a.budget.Storage - a.budget.Fixed - b.Margin
	if pages < minPool {
		return fmt.Errorf("%d bytes leave less than %d for pages: restart the server with this limit", limit, minPool)
	}
	a.budget.Limit, a.budget.Margin, a.budget.Pool = limit, b.Margin, pages
	a.limitBytes.Store(limit)
	a.pool.SetLimit(pages)
	a.log.Info("memory limit changed", "limit", limit, "pool", pages)
	return nil
}

// minPool is the least that pages may be left with.
const minPool = 32 << 20

// tlsConfig is that of the files in the configuration, else one with a certificate made in the data directory; nil: no
// TLS.
func (a *app) tlsConfig() (*tls.Config, error) {
	s := a.config.Security
	if (s.SSLCert == "") != (s.SSLKey == "") {
		return nil, errors.New("ssl-cert and ssl-key go together")
	}
	if s.SSLCert == "" && !s.AutoTLS {
		return nil, nil
	}
	return server.TLSConfig(server.TLSFiles{
		Cert: s.SSLCert, Key: s.SSLKey, CA: s.SSLCA, AutoDir: a.config.Path,
	})
}
