#include "src/cli/run.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <utility>

#include "formats/error.h"
#include "src/cli/commands.h"
#include "src/cli/exit_status.h"
#include "src/cli/file_stream.h"
#include "src/cli/generate.h"
#include "src/cli/settings.h"
#include "src/report/text_format.h"

namespace weigh::core {
namespace {

constexpr std::array kCommands{setup_inspect, setup_fit,     setup_estimate, setup_tensors, setup_metadata,
                               setup_diff,    setup_devices, setup_snapshot, setup_scan,    setup_audit};

constexpr const char* kDescription =
    "weigh puts a model file on the scales before anyone loads it.\n\n"
    "Examples:\n"
    "  weigh model.gguf --on rtx-4090\n"
    "  weigh ./checkpoint-folder\n"
    "  weigh estimate --params 7B --precision int4 --on macbook-air-8gb";

constexpr const char* kFooter =
    "'weigh PATH...' is short for 'weigh inspect PATH...'; 'weigh COMMAND --help' tells more.\n"
    "A file that is called like a command: ./devices, or -- devices.\n";

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

bool takes_value(const CLI::App& app, const std::string& flag) {
  const auto commands = commands_of(app);
  return std::any_of(commands.begin(), commands.end(), [&](const CLI::App* command) {
    const CLI::Option* option = command->get_option_no_throw(flag);
    return option != nullptr && option->get_items_expected_max() > 0;
  });
}

/// Brings the command to the front, wherever flags stand before it, and puts the default command there when none is
/// named.
void put_command_first(const CLI::App& app, std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string argument = arguments[i];
    if (argument == "--") break;
    if (argument.size() > 1 && argument.front() == '-') {
      if (takes_value(app, argument)) ++i;
      continue;
    }
    const auto commands = commands_of(app);
    const auto named = [&](const CLI::App* command) { return command->get_name() == argument; };
    if (std::none_of(commands.begin(), commands.end(), named)) break;
    const auto command = arguments.begin() + static_cast<std::ptrdiff_t>(i);
    std::rotate(arguments.begin(), command, command + 1);
    return;
  }
  const bool asks_for_help = arguments.size() == 1 && (arguments[0] == "--help" || arguments[0] == "-h");
  if (!asks_for_help) arguments.insert(arguments.begin(), "inspect");
}

/// CLI11's help with air around the examples, and one line for each command in the list of them.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override { return app->get_description() + "\n\n"; }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    const std::string usage = CLI::Formatter::make_usage(app, std::move(name));
    return usage.substr(0, usage.find_last_not_of('\n') + 1) + "\n";
  }
  std::string make_subcommand(const CLI::App* app) const override {
    const std::string summary = app->get_description().substr(0, app->get_description().find('\n'));
    return fmt::format("  {:<12}{}\n", app->get_name(), summary);
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string type = option->get_type_size() == 0 ? "" : option->get_type_name();
    return type.empty() ? "" : " " + type;
  }
};

int run_unguarded(std::vector<std::string> arguments, Session& session) {
  CLI::App app(kDescription, "weigh");
  app.footer(std::string(kFooter) + kExitStatuses);
  auto formatter = std::make_shared<HelpFormatter>();
  formatter->label("SUBCOMMAND", "COMMAND [PATH...]");
  formatter->label("Positionals", "Arguments");
  formatter->column_width(26);
  app.formatter(formatter);  // before the commands, which inherit it
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "This help");
  app.set_version_flag("--version", "weigh " WEIGH_VERSION, "The version");
  std::vector<std::pair<CLI::App*, Command>> commands;
  for (const auto setup : kCommands) {
    Command command = setup(app);
    commands.emplace_back(app.get_subcommands([](CLI::App*) { return true; }).back(), std::move(command));
  }
  if (arguments.empty()) {
    session.err << app.help();
    return 2;
  }
  const auto options_end = std::find(arguments.begin(), arguments.end(), "--");
  if (std::find(arguments.begin(), options_end, "--version") != options_end) {
    session.out << "weigh " WEIGH_VERSION "\n";
    return 0;
  }
  if (arguments.size() == 2 && arguments.front() == "--generate") {  // for packages, and in no help
    const auto text = generate(arguments.back(), command_tree(app), WEIGH_VERSION);
    if (!text) throw UsageError("--generate makes man, complete-bash, complete-zsh or complete-fish");
    session.out << *text;
    return 0;
  }
  put_command_first(app, arguments);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::Success& success) {  // --help
    app.exit(success, session.out, session.err);
    return 0;
  } catch (const CLI::ParseError& error) {
    const auto parsed = app.get_subcommands();
    session.tell(escaped(error.what()));
    session.err << "Try 'weigh " << (parsed.empty() ? "" : parsed.front()->get_name() + " ") << "--help'.\n";
    return 2;
  }
  for (const auto& [parsed, command] : commands) {
    if (!parsed->parsed()) continue;
    const std::vector<Setting> settings = apply_settings(load_settings(), app, *parsed);
    return with_origins(settings, [&, &run = command] { return run(session); });
  }
  return 2;
}

}  // namespace

int run(std::vector<std::string> arguments, std::ostream& out, std::ostream& err, const Terminal& terminal) {
  Session session{out, err, terminal};
  int status = 1;
  std::string fault;
  try {
    try {
      status = run_unguarded(std::move(arguments), session);
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
