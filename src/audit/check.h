#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/finding.h"
#include "src/checkpoint/selection.h"
#include "src/model/model.h"
#include "src/source/folder.h"

namespace weigh::core {

/// What a check asks: is the model whole, is what it says of itself true, are its bytes sound, is it safe to load.
enum class CheckGroup : std::uint8_t { Whole, Honest, Deep, Safe };

/// "whole", "honest", "deep", "safe".
std::string_view group_name(CheckGroup group);

/// What must be there for a check to run.
enum class CheckInput : std::uint8_t {
  Reading,      ///< nothing: reading itself is the check
  Folder,       ///< a folder, whether or not a model can be read from it
  Model,        ///< a model of either format
  Gguf,         ///< a GGUF model
  Safetensors,  ///< a safetensors model
};

/// What an audit looks at. Pointers are null for what is not there.
struct AuditInput {
  const Folder* folder = nullptr;        ///< where the files lie
  const Selection* selection = nullptr;  ///< the files of one model; null for the folder as such
  const Model* model = nullptr;          ///< null when it could not be read
  bool beside = false;                   ///< what else lies in the folder is meant as well
  bool header_only = false;              ///< from a snapshot: the weights are not there
  bool has_models = false;               ///< the folder holds at least one model
  std::vector<std::string> downloads;  ///< unfinished downloads of the folder, with those in hidden folders and caches
};

struct Check;

/// Where a finding belongs.
struct Location {
  std::string file = {};
  std::string tensor = {};
  std::optional<std::uint64_t> offset = {};
};

/// What a check raises its findings with.
class FindingReporter {
 public:
  FindingReporter(const Check& check, FindingLog& log) : check_(check), log_(log) {}

  /// With the check's own severity.
  void report(std::string message, Location place = {}) const;
  void report(Severity severity, std::string message, Location place = {}) const;

 private:
  const Check& check_;
  FindingLog& log_;
};

/// One check: what it looks for, how bad it is, and the function that looks. Checks that readers make while they read
/// have no function: their findings and errors carry the check's code.
struct Check {
  FindingCode code;  ///< of its findings; docs/checks.md has a section of the same name
  CheckGroup group;
  CheckInput subject;
  Severity severity;          ///< the usual one; a finding may be milder
  std::string_view sentence;  ///< what is wrong when it fires
  void (*run)(const AuditInput&, const FindingReporter&);
};

/// Every check there is, group by group.
std::span<const Check> checks();

/// The check whose findings have that code. Null for a code without a check.
const Check* find_check(FindingCode code);

/// The section of docs/checks.md on a check, in Markdown without its heading; empty when there is none.
std::string_view check_help(FindingCode code);

}  // namespace weigh::core
