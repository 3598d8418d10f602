#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "src/cli/generate.h"

namespace weigh::core {
namespace {

/// Text as roff shows it: no line is taken for a request, no hyphen for a dash.
std::string roff(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool starts_line = i == 0 || text[i - 1] == '\n';
    if (starts_line && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else if (c == '~') {
      result += "\\(ti";
    } else if (c == '\'') {
      result += "\\(aq";
    } else {
      result += c;
    }
  }
  return result;
}

std::string example_lines(std::string_view examples) { return fmt::format(".EX\n{}\n.EE\n", roff(examples)); }

std::string option_entry(const CommandOption& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.names) names.push_back("\\fB" + roff(name) + "\\fR");
  std::string entry = fmt::format(".TP\n{}", fmt::join(names, ", "));
  if (!option.value.empty()) entry += " \\fI" + roff(option.value) + "\\fR";
  return entry + "\n" + roff(option.help) + ".\n";
}

std::string synopsis(const CommandDescription& command) {
  std::string line = fmt::format(".B weigh {}\n[\\fIOPTIONS\\fR]", command.name);
  for (const CommandOption& argument : command.arguments) {
    const std::string word =
        fmt::format("\\fI{}\\fR{}", roff(argument.names.front()), argument.is_repeatable ? "..." : "");
    line += argument.is_required ? " " + word : " [" + word + "]";
  }
  return line + "\n";
}

/// What programs around it set.
struct Variable {
  std::string_view name;
  std::string_view meaning;
};
constexpr std::array kEnvironment{
    Variable{"WEIGH_DEVICES", "A CSV file with devices of your own, instead of ~/.config/weigh/devices.csv."},
    Variable{"WEIGH_ON", "Your devices, parted by commas: --on where the command line has none."},
    Variable{"COLUMNS", "The width of a report that does not go to a terminal."},
    Variable{"NO_COLOR", "When set, no colors unless --color always asks for them."},
};

}  // namespace

std::string man_page(const CommandTree& tree, std::string_view version) {
  const std::string& summary = tree.program.summary;
  std::string page = fmt::format(
      ".\\\" Made by `weigh --generate man`.\n"
      ".TH WEIGH 1 \"\" \"weigh {}\" \"User Commands\"\n"
      ".SH NAME\nweigh \\- tell from model files what a run of them needs\n"
      ".SH SYNOPSIS\n",
      version);
  for (const CommandDescription& command : tree.commands) {
    page += synopsis(command) + (&command == &tree.commands.back() ? "" : ".br\n");
  }
  page +=
      ".SH DESCRIPTION\n" + roff(summary) + "\n.PP\n" + roff(tree.footer.substr(0, tree.footer.find("Exit status")));
  page += ".SH OPTIONS\n";
  for (const CommandOption& option : tree.program.options) page += option_entry(option);
  page += ".SH COMMANDS\n";
  for (const CommandDescription& command : tree.commands) {
    page += fmt::format(".SS weigh {}\n{}.\n", command.name, roff(command.summary));
    for (const CommandOption& argument : command.arguments) page += option_entry(argument);
    for (const CommandOption& option : command.options) page += option_entry(option);
    page += ".PP\nExamples:\n.PP\n" + example_lines(command.examples);
  }
  page += ".SH EXAMPLES\n" + example_lines(tree.program.examples);
  const std::size_t statuses = tree.footer.find("Exit status");
  if (statuses != std::string::npos) page += ".SH EXIT STATUS\n" + roff(tree.footer.substr(statuses)) + "\n";
  page += ".SH ENVIRONMENT\n";
  for (const Variable& variable : kEnvironment) {
    page += fmt::format(".TP\n.B {}\n{}\n", variable.name, roff(variable.meaning));
  }
  return page;
}

std::optional<std::string> generate(std::string_view name, const CommandTree& tree, std::string_view version) {
  if (name == "man") return man_page(tree, version);
  if (name == "complete-bash") return bash_completion(tree);
  if (name == "complete-zsh") return zsh_completion(tree);
  if (name == "complete-fish") return fish_completion(tree);
  return std::nullopt;
}

}  // namespace weigh::core
