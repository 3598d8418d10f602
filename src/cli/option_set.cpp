#include "src/cli/option_set.h"

#include <CLI/CLI.hpp>

#include "src/cli/exit_status.h"

namespace weigh::core {
namespace {

void set_presence(CLI::Option& option, Presence presence) { option.required(presence == Presence::Required); }

}  // namespace

void OptionSet::add_argument(const char* name, std::string& value, const char* help, Presence presence) {
  set_presence(*app_.add_option(name, value, help)->type_name(""), presence);
}

void OptionSet::add_argument(const char* name, std::vector<std::string>& values, const char* help, Presence presence) {
  set_presence(*app_.add_option(name, values, help)->type_name(""), presence);
}

void OptionSet::add_flag(const char* flags, bool& value, const char* help) {
  app_.add_flag(flags, value, help)->group(group_);
}

void OptionSet::add_option(const char* flags, std::string& value, const std::string& help, const char* type,
                           Presence presence) {
  set_presence(*app_.add_option(flags, value, help)->group(group_)->type_name(type), presence);
}

void OptionSet::add_option(const char* flags, std::vector<std::string>& values, const char* help, const char* type) {
  // With more values at a time the option would swallow the path that follows it.
  app_.add_option(flags, values, help)->group(group_)->allow_extra_args(false)->type_name(type);
}

void OptionSet::add_option(const char* flags, std::uint64_t& value, const char* help, const char* type,
                           std::optional<NumberRange> range) {
  CLI::Option* option = app_.add_option(flags, value, help)->group(group_)->type_name(type);
  if (range) option->check(CLI::Range(range->least, range->most));
}

void OptionSet::add_option(const char* flags, std::optional<std::uint64_t>& value, const char* help, const char* type) {
  app_.add_option(flags, value, help)->group(group_)->type_name(type);
}

OptionSet add_command(CLI::App& parent, const char* name, const std::string& summary, const std::string& examples) {
  CLI::App* app = parent.add_subcommand(name, summary + "\n\nExamples:\n" + examples);
  app->group("Commands");
  app->footer(kExitStatuses);
  return OptionSet(*app);
}

}  // namespace weigh::core
