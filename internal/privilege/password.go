package privilege

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/auth"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// The authentication plugins.
const (
	NativePassword = "mysql_native_password"
	CachingSHA2    = "caching_sha2_password"
)

// KnownPlugin tells if accounts may use the plugin.
func KnownPlugin(name string) bool { return name == NativePassword || name == CachingSHA2 }

// HashPassword is the authentication string of a password; no password has none.
func HashPassword(plugin, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	switch plugin {
	case NativePassword:
		return auth.EncodePassword(password), nil
	case CachingSHA2:
		return auth.NewHashPassword(password, plugin), nil
	}
	return "", pluginError(plugin)
}

// sha2Length is the length of a caching_sha2_password string: $A$005$, 20 bytes of salt, 43 of digest.
const sha2Length = 7 + 20 + 43

// checkHash refuses what IDENTIFIED WITH ... AS may not say.
func checkHash(plugin, hash string) error {
	if hash == "" {
		return nil
	}
	switch plugin {
	case NativePassword:
		if _, err := auth.DecodePassword(hash); err == nil && len(hash) == 41 && hash[0] == '*' {
			return nil
		}
	case CachingSHA2:
		if len(hash) == sha2Length && strings.HasPrefix(hash, "$A$") {
			return nil
		}
	default:
		return pluginError(plugin)
	}
	return sqlerr.New(sqlerr.ErrPasswordFormat)
}

// codePluginNotLoaded is ER_PLUGIN_IS_NOT_LOADED.
const codePluginNotLoaded sqlerr.Code = 1524

func pluginError(plugin string) error {
	return sqlerr.Newf(codePluginNotLoaded, "Plugin '%.192s' is not loaded", plugin)
}
