#include "src/cli/help.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace weigh::core {
namespace {

constexpr std::size_t kColumn = 26;

/// "N:UINT in [1 - 65536]": the word is what stands before the check's own.
std::string value_word(const CLI::Option& option) {
  if (option.get_type_size() == 0) return {};
  const std::string type = option.get_type_name();
  return type.substr(0, type.find(':'));
}

/// A line of the list of commands.
std::string command_line_of(const CLI::App& command) {
  const std::string description = command.get_description();
  return fmt::format("  {:<12}{}\n", command.get_name(), description.substr(0, description.find('\n')));
}

/// CLI11's help with air around the examples, and one line for each command in the list of them.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override { return app->get_description() + "\n\n"; }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    const std::string usage = CLI::Formatter::make_usage(app, std::move(name));
    return usage.substr(0, usage.find_last_not_of('\n') + 1) + "\n";
  }
  std::string make_subcommand(const CLI::App* app) const override { return command_line_of(*app); }
  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string word = value_word(*option);
    return word.empty() ? "" : " " + word;
  }
};

/// The options that a short help shows, where the command has them, as many as there is room for.
constexpr std::array<std::string_view, 17> kOftenUsed{
    "--on",    "--params", "--precision", "--as",   "--context",   "--kv-type", "--engine", "--filter", "--sort",
    "--group", "--full",   "--detect",    "--deep", "--recursive", "--fail-on", "--output", "--format"};
constexpr std::size_t kMostOptions = 9;

std::string option_line(const CLI::Option& option) {
  std::string names = option.get_name(false, true);
  if (const std::string word = value_word(option); !word.empty()) names += " " + word;
  return fmt::format("  {:<{}}{}\n", names, kColumn - 2, option.get_description());
}

}  // namespace

std::shared_ptr<CLI::Formatter> long_help() {
  auto formatter = std::make_shared<HelpFormatter>();
  formatter->label("SUBCOMMAND", "COMMAND [PATH...]");
  formatter->label("Positionals", "Arguments");
  formatter->column_width(kColumn);
  return formatter;
}

std::string short_help(const CLI::App& app) {
  const std::string description = app.get_description();
  const std::size_t end = std::min(description.find("\n\n"), description.size());
  const bool is_program = app.get_parent() == nullptr;
  const std::string name = is_program ? "weigh" : "weigh " + app.get_name();
  std::string text = description.substr(0, end) + "\n\nUsage: " + name;
  text += is_program ? " [OPTIONS] COMMAND [PATH...]" : " [OPTIONS]";
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const std::string word = option->get_name(true, false) + (option->get_items_expected_max() > 1 ? "..." : "");
    text += option->get_required() ? " " + word : " [" + word + "]";
  }
  text += "\n\n";
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    text += command_line_of(*command);
  }
  std::size_t shown = 0;
  for (const std::string_view often : kOftenUsed) {
    const CLI::Option* option = app.get_option_no_throw(std::string(often));
    if (option == nullptr || shown == kMostOptions) continue;
    ++shown;
    text += option_line(*option);
  }
  text += description.substr(std::min(end + 1, description.size()));  // the examples, after an empty line
  text += is_program ? "\n\n'weigh COMMAND -h' tells more of one, --help all of it.\n"
                     : fmt::format("\n\n'{} --help' lists all options.\n", name);
  return text;
}

}  // namespace weigh::core
