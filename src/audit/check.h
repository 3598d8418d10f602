#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/finding.h"
#include "src/audit/digests.h"
#include "src/audit/loaded_files.h"
#include "src/checkpoint/selection.h"
#include "src/model/model.h"
#include "src/source/folder.h"

namespace weigh::core {

/// What a check asks: is the model complete, are its own statements true, are its bytes sound, is it safe to load?
enum class CheckGroup : std::uint8_t { Whole, Honest, Deep, Safe };

/// "whole", "honest", "deep", "safe".
std::string_view group_name(CheckGroup group);

/// What a check needs to run.
enum class CheckInput : std::uint8_t {
  Reading,      ///< nothing: the readers make the finding
  Folder,       ///< a folder, with or without a readable model
  Model,        ///< a model of either format
  Gguf,         ///< a GGUF model
  Safetensors,  ///< a safetensors model
};

/// What an audit examines. A pointer is null when there is no such thing.
struct AuditInput {
  const Folder* folder = nullptr;        ///< the folder of the files
  const Selection* selection = nullptr;  ///< the files of one model; null for the folder as a whole
  const Model* model = nullptr;          ///< null when it could not be read
  bool as_folder = false;                ///< all files of the folder are audited, not only the model's own
  /// Of all files below the folder, hidden ones as well, where it is audited as one: code and pickles may lie anywhere.
  std::vector<std::string> every_name;
  bool header_only = false;                          ///< from a snapshot, which has no weights
  bool has_models = false;                           ///< the folder holds at least one model
  const std::vector<ModelFile>* left_out = nullptr;  ///< weight files of the folder that no model has; may be null
  /// What is stated of the files' digests; the models of a folder share it.
  std::shared_ptr<DigestRecords> digests = std::make_shared<DigestRecords>();
  /// What runs when it is loaded; likewise.
  std::shared_ptr<LoadedFiles> loaded = std::make_shared<LoadedFiles>();
  std::vector<std::string> unfinished_downloads;  ///< in the folder, its hidden folders, and the cache it links to
};

struct Check;

/// What a finding is about; parts that do not apply are empty.
struct Location {
  std::string file = {};
  std::string tensor = {};
  std::optional<std::uint64_t> offset = {};
};

/// Records the findings of one check.
class FindingReporter {
 public:
  FindingReporter(const Check& check, FindingLog& log) : check_(check), log_(log) {}

  /// With the check's own severity.
  void report(std::string message, Location location = {}) const;
  void report(Severity severity, std::string message, Location location = {}) const;

 private:
  const Check& check_;
  FindingLog& log_;
};

/// One check: what it looks for, how bad that is, and the function that looks for it. Checks that the readers make have
/// no function: their findings and errors carry the check's code.
struct Check {
  FindingCode code;  ///< of its findings; docs/checks.md has a section of the same name
  CheckGroup group;
  CheckInput needs;
  Severity severity;          ///< the usual one; a finding may be milder
  std::string_view sentence;  ///< what is wrong when the check fires
  void (*run)(const AuditInput&, const FindingReporter&);
};

/// All checks, in the order in which they run and are listed.
std::span<const Check> checks();

/// The check whose findings have that code. Null for a code without a check.
const Check* find_check(FindingCode code);

/// The section of docs/checks.md on a check, in Markdown without its heading; empty when there is none.
std::string_view check_help(FindingCode code);

}  // namespace weigh::core
