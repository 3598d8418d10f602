#include "src/cli/run.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <utility>

#include "formats/error.h"
#include "src/cli/command_line.h"
#include "src/cli/commands.h"
#include "src/cli/exit_status.h"
#include "src/cli/file_stream.h"
#include "src/cli/generate.h"
#include "src/cli/heap.h"
#include "src/cli/help.h"
#include "src/cli/settings.h"
#include "src/devices/text.h"
#include "src/report/text_format.h"

namespace weigh::core {
namespace {

struct CommandRow {
  const char* name;
  Command (*setup)(CLI::App& parent, const char* name);
};

constexpr auto kCommands = std::to_array<CommandRow>({
    {"inspect", setup_inspect},  // where no command is named
    {"fit", setup_fit},
    {"estimate", setup_estimate},
    {"tensors", setup_tensors},
    {"metadata", setup_metadata},
    {"diff", setup_diff},
    {"devices", setup_devices},
    {"snapshot", setup_snapshot},
    {"scan", setup_scan},
    {"audit", setup_audit},
    {"explain", setup_explain},
    {"verify-log", setup_verify_log},
    {"cache", setup_cache},
});

constexpr const char* kVersion = "weigh " WEIGH_VERSION;

constexpr const char* kDescription =
    "weigh puts a model file on the scales before anyone loads it.\n\n"
    "Examples:\n"
    "  weigh model.gguf --on rtx-4090\n"
    "  weigh ./checkpoint-folder\n"
    "  weigh estimate --params 7B --precision int4 --on macbook-air-8gb";

constexpr const char* kFooter =
    "'weigh PATH...' is short for 'weigh inspect PATH...'; 'weigh help COMMAND' tells more.\n"
    "A file that is called like a command: ./devices, or -- devices.\n";

/// CLI11 leaves two empty lines before a heading.
std::string full_help(const CLI::App& app) {
  std::string text = app.help(app.get_parent() == nullptr ? "" : "weigh");
  for (std::size_t gap = text.find("\n\n\n"); gap != std::string::npos; gap = text.find("\n\n\n")) text.erase(gap, 1);
  return text;
}

/// `weigh help`, `weigh help COMMAND`.
int help(const CLI::App& app, const std::vector<std::string>& arguments, Session& session) {
  if (arguments.size() == 1) {
    session.out << short_help(app);
    return 0;
  }
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
    if (arguments[1] != command->get_name()) continue;
    session.out << full_help(*command);
    return 0;
  }
  throw UsageError(fmt::format("help: no command {}{}", arguments[1], did_you_mean(arguments[1], names)));
}

/// The command line as CLI11 has it: of all commands, or of those alone that are asked for.
struct Program {
  CLI::App app{kDescription, "weigh"};
  std::vector<std::pair<CLI::App*, Command>> commands;

  explicit Program(std::span<const CommandRow> rows) {
    app.footer(std::string(kFooter) + kExitStatuses);
    app.formatter(long_help());  // before the commands, which inherit it
    app.require_subcommand(1);
    app.set_help_flag("-h,--help", "The options used most, or all of them");
    app.set_version_flag("-V,--version", kVersion, "The version");
    for (const CommandRow& row : rows) {
      Command command = row.setup(app, row.name);
      commands.emplace_back(app.get_subcommand(row.name), std::move(command));
    }
  }
};

bool asks_for_version(std::span<const std::string> arguments) {
  const auto options_end = std::ranges::find(arguments, "--");
  return std::any_of(arguments.begin(), options_end,
                     [](const std::string& word) { return word == "--version" || word == "-V"; });
}

/// The only command that can be meant, by the first word: a quarter of a short run is the options of all the others.
/// Nothing where it takes those to tell.
std::span<const CommandRow> evident_command(const std::string& word) {
  const auto row = std::ranges::find(kCommands, std::string_view(word), &CommandRow::name);
  if (row != kCommands.end()) return {row, 1};
  std::error_code error;
  const bool is_path = !word.starts_with('-') && std::filesystem::exists(word, error);
  return is_path ? std::span(kCommands).first(1) : std::span<const CommandRow>();
}

int run_with(Program& program, std::vector<std::string> arguments, Session& session) {
  CLI::App& app = program.app;
  CommandLine line = read_command_line(app, std::move(arguments));
  const CLI::App& subject = line.command != nullptr ? *line.command : app;
  if (line.short_help || line.long_help) {
    session.out << (line.long_help ? full_help(subject) : short_help(subject));
    return 0;
  }
  arguments = std::move(line.arguments);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    const auto parsed = app.get_subcommands();
    session.tell(escaped(error.what()));
    session.err << "Try 'weigh " << (parsed.empty() ? "" : parsed.front()->get_name() + " ") << "--help'.\n";
    return 2;
  }
  for (const auto& [parsed, command] : program.commands) {
    if (!parsed->parsed()) continue;
    const auto is_elsewhere = [](const std::string& option) {
      const Program all(kCommands);
      return has_option(all.app, option);
    };
    const std::vector<Setting> settings = apply_settings(load_settings(), is_elsewhere, *parsed);
    prepare_heap();
    return with_origins(settings, [&, &run = command] { return run(session); });
  }
  return 2;
}

int run_unguarded(std::vector<std::string> arguments, Session& session) {
  const bool asks_for_help = !arguments.empty() && arguments.front() == "help";
  if (!asks_for_help && asks_for_version(arguments)) {
    session.out << kVersion << '\n';
    return 0;
  }
  const auto evident = arguments.empty() ? std::span<const CommandRow>() : evident_command(arguments.front());
  if (!evident.empty()) {
    try {
      Program program(evident);
      return run_with(program, arguments, session);
    } catch (const OptionError&) {  // whose option it is, all commands tell
    }
  }
  Program program(kCommands);
  if (arguments.empty()) {
    session.err << short_help(program.app);
    return 2;
  }
  if (asks_for_help) return help(program.app, arguments, session);
  if (arguments.size() == 2 && arguments.front() == "--generate") {  // for packages, and in no help
    const auto text = generate(arguments.back(), command_tree(program.app), WEIGH_VERSION);
    if (!text) throw UsageError("--generate makes man, complete-bash, complete-zsh or complete-fish");
    session.out << *text;
    return 0;
  }
  return run_with(program, std::move(arguments), session);
}

}  // namespace

int run(std::vector<std::string> arguments, std::ostream& out, std::ostream& err, const Terminal& terminal) {
  Session session{out, err, terminal};
  int status = 1;
  std::string fault;
  std::string command;  // whose help tells more
  try {
    try {
      status = run_unguarded(std::move(arguments), session);
    } catch (const OptionError& error) {
      fault = error.what();
      command = error.command;
      status = 2;
    } catch (const UsageError& error) {
      fault = error.what();
      status = 2;
    } catch (const OutputError&) {
      throw;
    } catch (const std::bad_alloc&) {
      fault = "not enough memory";
    } catch (const std::exception& error) {
      fault = error.what();
    }
    if (!fault.empty()) session.tell(escaped(fault));
    if (!command.empty()) session.err << "Try 'weigh " << command << " --help'.\n";
    out.flush();
    err.flush();
  } catch (const OutputError& error) {
    if (error.closed_pipe) return 0;
    try {
      err << "weigh: " << escaped(error.what()) << '\n' << std::flush;
    } catch (const OutputError&) {  // standard error fails as well: the status alone tells
    }
    return 1;
  }
  return status;
}

}  // namespace weigh::core
