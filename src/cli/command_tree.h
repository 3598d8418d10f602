#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace weigh::core {

/// An option or an argument of a command, as its help shows it.
struct CommandOption {
  std::vector<std::string> names;   ///< "-o", "--output"; of an argument its one word, "PATH"
  std::string value;                ///< the word for its value, "FILE"; empty for a flag
  std::string help;                 ///< one line
  std::vector<std::string> values;  ///< what may be written for it, as far as that can be listed
  bool takes_path = false;          ///< its value is a file or a folder
  bool is_required = false;
  bool is_repeatable = false;
};

struct CommandDescription {
  std::string name;
  std::string summary;   ///< one line
  std::string examples;  ///< lines
  std::vector<CommandOption> arguments;
  std::vector<CommandOption> options;
};

/// The whole command line: what completions and the man page are made from.
struct CommandTree {
  CommandDescription program;  ///< its options are taken without a command
  std::string footer;          ///< lines
  std::vector<CommandDescription> commands;
};

/// `app` as it parses: nothing is written down a second time but where the values of an option are listed.
CommandTree command_tree(const CLI::App& app);

}  // namespace weigh::core
