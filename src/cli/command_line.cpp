#include "src/cli/command_line.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <functional>
#include <string_view>

#include "formats/error.h"
#include "src/devices/text.h"

namespace weigh::core {
namespace {

/// llama.cpp's name of an option. An empty `part` is the whole value, 'K' and 'V' one half of it.
struct Alias {
  std::string_view written;
  std::string_view option;
  char part = '\0';
};

constexpr std::array kAliases{
    Alias{"-c", "--context"},
    Alias{"--ctx-size", "--context"},
    Alias{"-ngl", "--gpu-layers"},
    Alias{"--n-gpu-layers", "--gpu-layers"},
    Alias{"-ncmoe", "--n-cpu-moe"},
    Alias{"-np", "--parallel"},
    Alias{"-b", "--batch"},
    Alias{"--batch-size", "--batch"},
    Alias{"-ub", "--ubatch"},
    Alias{"--ubatch-size", "--ubatch"},
    Alias{"-fa", "--flash-attention"},
    Alias{"--flash-attn", "--flash-attention"},
    Alias{"-kvu", "--kv-unified"},
    Alias{"-md", "--draft"},
    Alias{"--model-draft", "--draft"},
    Alias{"-ctk", "--kv-type", 'K'},
    Alias{"--cache-type-k", "--kv-type", 'K'},
    Alias{"-ctv", "--kv-type", 'V'},
    Alias{"--cache-type-v", "--kv-type", 'V'},
    Alias{"-ctkd", "--draft-kv-type", 'K'},
    Alias{"--cache-type-k-draft", "--draft-kv-type", 'K'},
    Alias{"-ctvd", "--draft-kv-type", 'V'},
    Alias{"--cache-type-v-draft", "--draft-kv-type", 'V'},
    Alias{"--kv-cache-dtype", "--kv-type"},
    Alias{"--context-length", "--max-model-len"},
    Alias{"--mem-fraction-static", "--gpu-memory-utilization"},
    Alias{"--max-running-requests", "--max-num-seqs"},
    Alias{"--chunked-prefill-size", "--max-num-batched-tokens"},
    Alias{"-tp", "--tensor-parallel-size"},
    Alias{"--tp-size", "--tensor-parallel-size"},
    Alias{"--tp", "--tensor-parallel-size"},
    Alias{"-pp", "--pipeline-parallel-size"},
    Alias{"--pp-size", "--pipeline-parallel-size"},
    Alias{"-dcp", "--decode-context-parallel-size"},
    Alias{"--page-size", "--block-size"},
    Alias{"--disable-cuda-graph", "--enforce-eager"},
    Alias{"--disable-radix-cache", "--no-enable-prefix-caching"},
};

/// "--format=json" as it was typed: "--format", and "json" if there is one.
std::string flag_of(const std::string& argument) { return argument.substr(0, argument.find('=')); }

bool has_value_in_it(const std::string& argument) { return argument.find('=') != std::string::npos; }

const Alias* alias_of(const std::string& argument) {
  const auto* const row = std::ranges::find(kAliases, std::string_view(flag_of(argument)), &Alias::written);
  return row == kAliases.end() ? nullptr : row;
}

bool is_option(const std::string& argument) { return argument.size() > 1 && argument.front() == '-'; }

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

/// The option that `argument` names in a command; `argument` may be an alias. Nothing for "--format=json", whose value
/// is in it already.
bool takes_next(const CLI::App& command, const std::string& argument) {
  if (argument.starts_with("--") && has_value_in_it(argument)) return false;
  const Alias* alias = alias_of(argument);
  const CLI::Option* option = command.get_option_no_throw(alias != nullptr ? std::string(alias->option) : argument);
  return option != nullptr && option->get_items_expected_max() > 0;
}

std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  return names;
}

/// A single word that is near a command, and no file.
void refuse_near_command(const std::string& word, const std::vector<const CLI::App*>& commands) {
  const auto is_letter = [](char c) { return std::islower(static_cast<unsigned char>(c)) != 0 || c == '-'; };
  std::error_code error;
  if (word.size() < 3 || !std::ranges::all_of(word, is_letter) || std::filesystem::exists(word, error)) return;
  const std::string near = nearest_word(word, names_of(commands));
  if (!near.empty()) {
    throw UsageError(fmt::format("no command and no file is called {}; did you mean 'weigh {}'?", word, near));
  }
}

/// Moves the command to the front and returns it; the default command where none is named.
const CLI::App* put_command_first(const CLI::App& app, std::vector<std::string>& arguments) {
  const auto commands = commands_of(app);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string argument = arguments[i];
    if (argument == "--") break;
    if (is_option(argument)) {
      const auto takes = [&](const CLI::App* command) { return takes_next(*command, argument); };
      if (std::ranges::any_of(commands, takes)) ++i;
      continue;
    }
    const auto named = std::ranges::find(commands, argument, [](const CLI::App* c) { return c->get_name(); });
    if (named == commands.end()) {
      refuse_near_command(argument, commands);
      break;
    }
    const auto command = arguments.begin() + static_cast<std::ptrdiff_t>(i);
    std::rotate(arguments.begin(), command, command + 1);
    return *named;
  }
  const bool asks_for_help = arguments.size() == 1 && (arguments[0] == "--help" || arguments[0] == "-h");
  if (asks_for_help) return nullptr;
  arguments.insert(arguments.begin(), commands.front()->get_name());
  return commands.front();
}

/// Whether every letter of "-qv" is an option; one with a value takes the rest.
bool are_letters(const CLI::App& command, const std::string& argument) {
  for (std::size_t i = 1; i < argument.size(); ++i) {
    const CLI::Option* option = command.get_option_no_throw(std::string("-") + argument[i]);
    if (option == nullptr) return false;
    if (option->get_items_expected_max() > 0) return true;
  }
  return true;
}

[[noreturn]] void refuse(const CLI::App& app, const CLI::App& command, const std::string& flag) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  std::string text = fmt::format("{} has no option {}", command.get_name(), flag);
  std::string others;
  for (const CLI::App* other : commands_of(app)) {
    if (other->get_option_no_throw(flag) != nullptr) others += (others.empty() ? "" : ", ") + other->get_name();
  }
  text += others.empty() ? did_you_mean(flag, names) : fmt::format("; it is one of weigh {}", others);
  throw OptionError(text, command.get_name());
}

/// The halves of a cache type that llama.cpp's names give, for one option of weigh.
struct CacheHalves {
  std::string_view option;
  std::string_view words;  // llama.cpp's names
  bool whole = false;      // the option itself is there
  std::string key = {};
  std::string value = {};

  void set(char part, std::string type) { (part == 'K' ? key : value) = std::move(type); }
  [[nodiscard]] bool given() const { return !key.empty() || !value.empty(); }
  [[nodiscard]] std::string text() const {
    const std::string standard = "f16";
    return (key.empty() ? standard : key) + "," + (value.empty() ? standard : value);
  }
};

/// Those of the model's cache and of the draft's.
class AllHalves {
 public:
  CacheHalves* of(std::string_view option) {
    const auto row = std::ranges::find(halves_, option, &CacheHalves::option);
    return row == halves_.end() ? nullptr : &*row;
  }
  /// Puts what was given behind `arguments`, once.
  void append_to(std::vector<std::string>& arguments) {
    for (CacheHalves& half : halves_) {
      if (!half.given()) continue;
      arguments.push_back(fmt::format("{}={}", half.option, half.text()));
      half.key.clear();
      half.value.clear();
    }
  }
  void check() const {
    for (const CacheHalves& half : halves_) {
      if (!half.whole || !half.given()) continue;
      throw UsageError(fmt::format("{} sets both types; leave out it or {}", half.option, half.words));
    }
  }

 private:
  std::array<CacheHalves, 2> halves_{CacheHalves{"--kv-type", "-ctk and -ctv"},
                                     CacheHalves{"--draft-kv-type", "-ctkd and -ctvd"}};
};

}  // namespace

CommandLine read_command_line(const CLI::App& app, std::vector<std::string> arguments) {
  CommandLine line;
  line.command = put_command_first(app, arguments);
  if (line.command == nullptr) {
    (arguments[0] == "-h" ? line.short_help : line.long_help) = true;
    return line;
  }
  const CLI::App& command = *line.command;
  AllHalves halves;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string argument = arguments[i];
    if (argument == "--") {
      halves.check();
      halves.append_to(line.arguments);
      line.arguments.insert(line.arguments.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      break;
    }
    if (!is_option(argument)) {
      line.arguments.push_back(argument);
      continue;
    }
    line.short_help = line.short_help || argument == "-h";
    line.long_help = line.long_help || argument == "--help";
    const bool takes = takes_next(command, argument) && i + 1 < arguments.size();
    const Alias* alias = alias_of(argument);
    if (alias != nullptr && command.get_option_no_throw(std::string(alias->option)) != nullptr) {
      const std::size_t equals = argument.find('=');
      if (alias->part != '\0') {
        if (!takes && equals == std::string::npos) throw UsageError(fmt::format("{} needs a type, q8_0 say", argument));
        halves.of(alias->option)->set(alias->part, takes ? arguments[++i] : argument.substr(equals + 1));
        continue;
      }
      argument = std::string(alias->option) + (equals == std::string::npos ? "" : argument.substr(equals));
    }
    const std::string flag = flag_of(argument);
    const bool known =
        command.get_option_no_throw(flag) != nullptr || (!argument.starts_with("--") && are_letters(command, argument));
    if (!known) refuse(app, command, flag);
    if (CacheHalves* whole = halves.of(flag)) whole->whole = true;
    line.arguments.push_back(argument);
    if (takes) line.arguments.push_back(arguments[++i]);
  }
  halves.check();
  halves.append_to(line.arguments);
  return line;
}

}  // namespace weigh::core
