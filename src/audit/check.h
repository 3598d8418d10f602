#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/finding.h"
#include "src/model/model.h"
#include "src/source/folder.h"

namespace weigh {

enum class CheckGroup : std::uint8_t { Whole, Honest, Deep, Safe };

/// What an audit looks at: one model, or a folder in which none could be read.
struct Audited {
  std::string path;                ///< as the user named it
  const Folder* folder = nullptr;  ///< all that lies in the model's folder
  const Model* model = nullptr;    ///< null when no model could be read
  std::vector<Failure> failures;   ///< why
};

/// One check: what it looks for, how bad it is, and the function that looks. Checks that readers make while they read
/// have no function: their findings carry the check's id as code.
struct Check {
  std::string_view id;
  CheckGroup group;
  Severity severity;
  std::string_view sentence;  ///< what is wrong when it fires; docs/checks.md has a section of the same id
  void (*run)(const Audited&, std::vector<Finding>&);
};

/// Every check there is.
std::span<const Check> checks();

}  // namespace weigh
