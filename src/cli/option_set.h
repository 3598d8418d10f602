#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace weigh::core {

enum class Presence : std::uint8_t { Optional, Required };

/// The whole numbers that an option takes, both ends included.
struct NumberRange {
  std::uint64_t least;
  std::uint64_t most;
};

/// The arguments and options of one command. Values are written where the references point when the command line is
/// parsed; a help text is one line, `type` the word for the value in it. This is all that commands know of CLI11, whose
/// headers cost more to compile than a command.
class OptionSet {
 public:
  explicit OptionSet(CLI::App& app) : app_(app) {}

  /// The heading that the options which follow stand under in the long help.
  void set_group(const char* heading) { group_ = heading; }

  /// What is written without a flag.
  void add_argument(const char* name, std::string& value, const char* help, Presence presence = Presence::Optional);
  void add_argument(const char* name, std::vector<std::string>& values, const char* help,
                    Presence presence = Presence::Optional);

  void add_flag(const char* flags, bool& value, const char* help);

  void add_option(const char* flags, std::string& value, const std::string& help, const char* type,
                  Presence presence = Presence::Optional);
  /// May be given several times, each time with one value.
  void add_option(const char* flags, std::vector<std::string>& values, const char* help, const char* type);
  void add_option(const char* flags, std::uint64_t& value, const char* help, const char* type,
                  std::optional<NumberRange> range = std::nullopt);
  void add_option(const char* flags, std::optional<std::uint64_t>& value, const char* help, const char* type);

 private:
  CLI::App& app_;
  const char* group_ = "Options";
};

/// A command with its help: what it does, examples, and the exit statuses.
OptionSet add_command(CLI::App& parent, const char* name, const std::string& summary, const std::string& examples);

}  // namespace weigh::core
