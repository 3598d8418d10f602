#include "src/cli/command_tree.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "src/devices/catalogue.h"
#include "src/fit/engine_flags.h"
#include "src/quantize/quantize_types.h"
#include "src/scan/query.h"

namespace weigh::core {
namespace {

using Words = std::vector<std::string>;

Words split(std::string_view text, std::string_view separator) {
  Words words;
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = text.find(separator);
    words.emplace_back(text.substr(0, end));
    if (end != std::string_view::npos) text.remove_prefix(end + separator.size());
  }
  return words;
}

/// A help that is nothing but a list of words is the list of values: "auto, always or never", "on (default) or off".
Words listed_in(std::string help) {
  for (std::size_t open = help.find(" ("); open != std::string::npos; open = help.find(" (")) {
    help.erase(open, help.find(')', open) + 1 - open);
  }
  const std::size_t last = help.rfind(" or ");
  if (last == std::string::npos) return {};
  help.replace(last, 4, ", ");
  Words words = split(help, ", ");
  if (std::ranges::any_of(words, [](const std::string& word) { return word.find(' ') != std::string::npos; }))
    return {};
  return words;
}

Words device_ids() {
  Words ids{"local"};
  const Catalogue catalogue = Catalogue::built_in();
  for (const Device& device : catalogue.devices()) ids.push_back(device.id);
  return ids;
}

Words gguf_types() {
  Words names;
  for (const QuantizerType& type : quantizer_types()) names.emplace_back(type.name);
  return names;
}

Words gguf_types_or_all() {
  Words names = gguf_types();
  names.insert(names.begin(), "all");
  return names;
}

/// Values that no help lists, by option; `command` is empty where it is the same for all.
struct ListedValues {
  std::string_view command;
  std::string_view option;
  Words (*values)();
};

constexpr std::array kListedValues{
    ListedValues{"", "--on", device_ids},
    ListedValues{"fit", "--as", gguf_types},
    ListedValues{"estimate", "--as", gguf_types_or_all},
    ListedValues{"", "--kv-type", [] { return split(cache_types_listed(), ", "); }},
    ListedValues{"", "--draft-kv-type", [] { return split(cache_types_listed(Engine::LlamaCpp), ", "); }},
    ListedValues{"", "--require",
                 [] {
                   return Words{"fits", "tight"};
                 }},
    ListedValues{"tensors", "--group",
                 [] {
                   return Words{"layer", "module", "role"};
                 }},
    ListedValues{"scan", "--sort", [] { return split(fields_listed(), ", "); }},
};

Words values_of(const std::string& command, const CommandOption& option) {
  for (const ListedValues& row : kListedValues) {
    if (!row.command.empty() && row.command != command) continue;
    if (std::ranges::find(option.names, row.option) != option.names.end()) return row.values();
  }
  return listed_in(option.help);
}

bool names_a_path(const CommandOption& option, bool is_argument) {
  constexpr std::array<std::string_view, 4> kPaths{"FILE", "PATH", "DIR", "LINES"};
  const std::string& word = is_argument ? option.names.front() : option.value;
  // OLD and NEW of `diff` are called so, and are models like PATH.
  return std::ranges::find(kPaths, word) != kPaths.end() || (is_argument && word != "QUERY");
}

CommandOption described(const CLI::Option& option, const std::string& command) {
  CommandOption result;
  const bool is_argument = option.get_positional();
  if (is_argument) {
    result.names = {option.get_name(true, false)};
  } else {
    for (const std::string& name : option.get_snames()) result.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) result.names.push_back("--" + name);
    // "N:UINT in [1 - 65536]": the word is what stands before the check's own.
    if (option.get_type_size() != 0) result.value = split(option.get_type_name(), ":").front();
  }
  result.help = option.get_description();
  result.is_required = option.get_required();
  result.is_repeatable = option.get_expected_max() > 1 || option.get_items_expected_max() > 1 ||
                         option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
  result.takes_path = names_a_path(result, is_argument);
  if (!is_argument && !result.value.empty()) result.values = values_of(command, result);
  return result;
}

CommandDescription described(const CLI::App& app) {
  CommandDescription result;
  result.name = app.get_name();
  const Words parts = split(app.get_description(), "\n\nExamples:\n");
  result.summary = parts.front();
  if (parts.size() > 1) result.examples = parts[1];
  for (const CLI::Option* option : app.get_options()) {
    (option->get_positional() ? result.arguments : result.options).push_back(described(*option, result.name));
  }
  return result;
}

}  // namespace

CommandTree command_tree(const CLI::App& app) {
  CommandTree tree;
  tree.program = described(app);
  tree.footer = app.get_footer();
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    tree.commands.push_back(described(*command));
  }
  return tree;
}

}  // namespace weigh::core
