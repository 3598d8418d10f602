#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace weigh::core {

/// An option that was set outside of the command line.
struct Setting {
  std::string option;               ///< "--on"
  std::vector<std::string> values;  ///< at least one
  std::string origin;               ///< "WEIGH_ON", or the file's path: the subject of a complaint
};

/// What the user has set for good: WEIGH_ON, then weigh/config.toml in $XDG_CONFIG_HOME or ~/.config, where every key is
/// the name of an option. An empty variable and a missing file set nothing. Throws UsageError, which names the file, for
/// what is no such file.
std::vector<Setting> load_settings();

/// Whether a command of `app` has the option.
bool has_option(const CLI::App& app, const std::string& option);

/// Sets what `command` has an option for and the command line, or an earlier setting, has not set. Returns what was set.
/// Throws UsageError for a key that is an option of no command, `is_elsewhere` tells of which others, and for a value
/// that the option cannot take.
std::vector<Setting> apply_settings(std::vector<Setting> settings,
                                    const std::function<bool(const std::string&)>& is_elsewhere, CLI::App& command);

/// What `run` returns; a complaint of it about an option that was not given on the command line names where it was set.
int with_origins(const std::vector<Setting>& applied, const std::function<int()>& run);

}  // namespace weigh::core
