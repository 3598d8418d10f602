#pragma once

#include <memory>
#include <string>

namespace CLI {
class App;
class Formatter;
}  // namespace CLI

namespace weigh::core {

/// How the long help of the program and of its commands is laid out.
std::shared_ptr<CLI::Formatter> long_help();

/// What -h says of the program or of one command: usage, the options used most, examples. At most 24 lines.
std::string short_help(const CLI::App& app);

}  // namespace weigh::core
