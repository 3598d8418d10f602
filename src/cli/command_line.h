#pragma once

#include <string>
#include <utility>
#include <vector>

#include "formats/error.h"

namespace CLI {
class App;
}  // namespace CLI

namespace weigh::core {

/// An option that the command does not have. `command` is the one whose help tells which it has.
struct OptionError : UsageError {
  OptionError(const std::string& what, std::string of) : UsageError(what), command(std::move(of)) {}
  std::string command;
};

/// What was typed, made ready for CLI11: the command first, whose options have weigh's own names.
struct CommandLine {
  std::vector<std::string> arguments;
  const CLI::App* command = nullptr;  ///< nothing where the program itself is asked for its help
  bool short_help = false;
  bool long_help = false;
};

/// Brings the command to the front wherever flags stand before it, puts the default command there when none is named,
/// and turns llama.cpp's names of options into weigh's. Throws OptionError, with what was probably meant, and UsageError
/// for a word that is neither a command nor a path.
CommandLine read_command_line(const CLI::App& app, std::vector<std::string> arguments);

}  // namespace weigh::core
