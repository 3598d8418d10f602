#include "src/cli/settings.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "formats/error.h"
#include "src/cli/small_file.h"
#include "src/devices/catalogue.h"

namespace weigh::core {
namespace {

constexpr std::size_t kMaxFileBytes = 64 * 1024;

// CLI11 would nest sections as deep as they say, and ignore what is in them.
void refuse_sections(const std::string& text, const std::string& path) {
  std::istringstream lines(text);
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || line[begin] != '[') continue;
    throw UsageError(
        fmt::format("{}: line {}: there are no sections, only keys such as on = \"rtx-4090\"", path, number));
  }
}

void read_file(const std::string& path, std::vector<Setting>& settings) {
  const auto text = read_small_file(path, kMaxFileBytes);
  if (!text) return;
  refuse_sections(*text, path);
  std::istringstream stream(*text);
  std::vector<CLI::ConfigItem> items;
  try {
    items = CLI::ConfigTOML().from_config(stream);
  } catch (const std::exception& error) {
    throw UsageError(fmt::format("{}: {}", path, error.what()));
  }
  for (CLI::ConfigItem& item : items) {
    if (!item.parents.empty())
      throw UsageError(fmt::format("{}: {}: no option has a point in its name", path, quote(item.fullname())));
    std::erase(item.inputs, "");
    if (item.inputs.empty()) continue;
    const std::string option = "--" + item.name;
    const auto known = std::ranges::find_if(
        settings, [&](const Setting& setting) { return setting.option == option && setting.origin == path; });
    if (known == settings.end()) {
      settings.push_back({option, std::move(item.inputs), path});
    } else {
      std::ranges::move(item.inputs, std::back_inserter(known->values));
    }
  }
}

// Meant for one call.
constexpr std::array<std::string_view, 5> kNeverSet{"--help", "--output", "--force", "--version", "--params"};

bool is_never_set(const std::string& option) { return std::ranges::find(kNeverSet, option) != kNeverSet.end(); }

void set(CLI::Option& option, const Setting& setting) {
  try {
    if (option.get_expected_min() == 0) {  // a flag
      if (setting.values.size() > 1) throw CLI::ArgumentMismatch("a flag takes true or false");
      option.add_result(option.get_flag_value(setting.option.substr(2), setting.values.front()));
    } else {
      if (setting.values.size() > static_cast<std::size_t>(option.get_items_expected_max())) {
        throw CLI::ArgumentMismatch(setting.option + " takes one value");
      }
      option.add_result(setting.values);
    }
    option.run_callback();
  } catch (const CLI::Error& error) {
    throw UsageError(fmt::format("{}: {}", setting.origin, error.what()));
  }
}

}  // namespace

std::vector<Setting> load_settings() {
  std::vector<Setting> settings;
  const char* devices = std::getenv("WEIGH_ON");
  if (devices != nullptr && *devices != '\0') settings.push_back({"--on", {devices}, "WEIGH_ON"});
  read_file(config_path("config.toml"), settings);
  return settings;
}

bool has_option(const CLI::App& app, const std::string& option) {
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  return std::ranges::any_of(commands,
                             [&](const CLI::App* command) { return command->get_option_no_throw(option) != nullptr; });
}

std::vector<Setting> apply_settings(std::vector<Setting> settings,
                                    const std::function<bool(const std::string&)>& is_elsewhere, CLI::App& command) {
  for (const Setting& setting : settings) {
    const bool known = command.get_option_no_throw(setting.option) != nullptr || is_elsewhere(setting.option);
    if (known && !is_never_set(setting.option)) continue;
    throw UsageError(
        fmt::format("{}: {} is no option that can be set there", setting.origin, quote(setting.option.substr(2))));
  }
  std::erase_if(settings, [&](const Setting& setting) {
    CLI::Option* option = command.get_option_no_throw(setting.option);
    if (option == nullptr || option->count() > 0) return true;
    set(*option, setting);
    return false;
  });
  return settings;
}

int with_origins(const std::vector<Setting>& applied, const std::function<int()>& run) {
  try {
    return run();
  } catch (const UsageError& error) {
    const std::string_view sentence = error.what();
    for (const Setting& setting : applied) {
      const bool is_subject =
          sentence.starts_with(setting.option) && sentence.substr(setting.option.size()).find_first_of(" :") == 0;
      if (is_subject) throw UsageError(fmt::format("{}: {}", setting.origin, sentence));
    }
    throw;
  }
}

}  // namespace weigh::core
